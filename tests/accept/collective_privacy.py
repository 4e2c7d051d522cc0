"""A collective training with differential privacy, measured: `python -m tests.accept.collective_privacy OUT`.

Three owners start from a detector of public images, behind adapters of their own that learned the same images under
each owner's key. Then they train on images of their own, each of which is a unit: with noise, and without privacy for
comparison. Scores are of 120 images that no owner has. An attacker guesses which images were trained on, by a
detector's loss on each, alone and against the loss before the training. Images are of discs and bars. Rounds are
carried out in this process; vectors are masked, summed and opened as over the wire. Prints a line of JSON for each
arm. What was done is not done again when it is run again.
"""

import argparse
import json
from pathlib import Path
from time import process_time

import numpy as np
import torch

from raypp.collective.local_training import LocalTraining, initial_model
from raypp.collective.member import MemberAttempt
from raypp.collective.membership import SiteMember
from raypp.collective.plan import CollectivePlan, weights_digest
from raypp.collective.privacy_options import PrivacyOptions
from raypp.collective.private_training import training_of
from raypp.collective.round import AttemptName, Phase, RoundAttempt
from raypp.collective.settings import JoinSettings
from raypp.collective.spending import statement, with_noise
from raypp.collective.weights import Vector, vector_digest
from raypp.detect.checkpoint import load_bundle
from raypp.detect.inputs.batch import COLUMNS, batch_of_rows
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.labelled import labelled_rows
from raypp.evaluate.run import run_evaluation
from raypp.io.atomic import whole_file, write_text
from raypp.synthesis.membership import guess_error, membership_auc
from raypp.train.local import columns_of
from raypp.veil.keyfile import load_owner_key
from tests.accept.owners import OWNERS, START_MODEL, TEST, make_owners, make_starts
from tests.collective.sites import carry_out
from tests.drill.scenes import CLASSES


def main() -> None:
    """Draw, veil, fit the public start, train the arms that are wanted, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.collective_privacy", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--images", type=int, default=100, help="of each owner: its units")
    parser.add_argument("--public", type=int, default=24, help="public images")
    parser.add_argument("--public-epochs", type=int, default=60)
    parser.add_argument("--size", type=int, default=160, help="side of the square, in pixels")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=2, help="of a unit in a round, or of an owner without privacy")
    parser.add_argument("--clip", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--layers", nargs="+", default=["head-last"])
    parser.add_argument("--epsilon", type=float, action="append", help="8 by default; 0 for an arm without privacy")
    options = parser.parse_args()
    make_owners(options.out, options.images, options.size, benches=False)
    starts = make_starts(options.out, options.public, options.public_epochs, options.size)
    _once(options.out / "result-start.json", lambda: {"arm": "start", **_measured(options.out, starts, starts)})
    for epsilon in options.epsilon or (8.0, 0.0):
        name = f"epsilon-{epsilon:g}" if epsilon else "open"
        path = options.out / f"result-{name}-{options.rounds}-{options.clip:g}-{'+'.join(options.layers)}.json"
        _once(path, lambda epsilon=epsilon, folder=path.stem: _arm(options, epsilon, options.out / "runs" / folder))


def _once(path: Path, measure) -> None:
    if not path.exists():
        write_text(path, json.dumps(measure()))
    print(path.read_text(), flush=True)


def _arm(options: argparse.Namespace, epsilon: float, folder: Path) -> dict[str, object]:
    out, begun = options.out, process_time()
    starts = {owner: out / owner / "start.model" for owner in OWNERS}
    keys = {owner: load_owner_key(out / owner / "key") for owner in OWNERS}
    plan = CollectivePlan(
        name=folder.name,
        sites={owner: key.fingerprint for owner, key in keys.items()},
        architecture=START_MODEL,
        classes=CLASSES,
        size=options.size,
        patch=8,
        rounds=options.rounds,
        epochs=options.epochs,
        batch=8,
        nominal_batch=8,
        weights=starts[OWNERS[0]],
        weights_sha256=weights_digest(starts[OWNERS[0]]),
    )
    if epsilon:
        dp = PrivacyOptions(
            unit="file", epsilon=epsilon, delta=1e-5, clip=options.clip, layers=tuple(options.layers),
            units=options.images, rate=options.rate,
        )  # fmt: skip
        plan = CollectivePlan(**plan.model_dump() | {"dp": with_noise(dp, plan.rounds)})
    members = {owner: SiteMember.accept(plan, owner, key) for owner, key in keys.items()}
    settings = {
        owner: JoinSettings(
            archive=str(out / owner / "veiled"),
            out=folder / owner,
            weights=starts[owner],
            budget=folder / "budget.jsonl",
        )
        for owner in OWNERS
    }
    trainings = {owner: training_of(plan, each) for owner, each in settings.items()}
    common = trainings[OWNERS[0]].layers.read(initial_model(plan).state_dict())
    for number in range(1, plan.rounds + 1):
        kept = folder / f"common-{number:05d}.npy"
        if not kept.exists():
            common = common + _mean(plan, members, trainings, common, number)
            with whole_file(kept) as part, part.open("wb") as file:
                np.save(file, common)
        common = np.load(kept)
    models = {owner: training.write_model(common) for owner, training in trainings.items()}
    spent = statement(plan.dp, plan.rounds).model_dump(mode="json") if plan.dp else None
    return {
        "arm": folder.name,
        "spent": spent,
        **_measured(out, models, starts),
        "cpu_s": round(process_time() - begun),
    }


def _mean(
    plan: CollectivePlan,
    members: dict[str, SiteMember],
    trainings: dict[str, LocalTraining],
    common: Vector,
    number: int,
) -> Vector:
    """Train a round, then mask, sum and open as sites and coordinator do."""
    base = vector_digest(common)
    vectors = {owner: training.vector(number, base, common) for owner, training in trainings.items()}
    attempt = RoundAttempt(plan, AttemptName(plan.digest, number, 1), base, len(vectors[OWNERS[0]]))
    sides = {owner: MemberAttempt(plan, member, attempt.name, base) for owner, member in members.items()}
    carry_out(attempt, sides, vectors)
    assert attempt.phase is Phase.OPENED
    return plan.ring().decode(attempt.open())[0]


def _measured(out: Path, models: dict[str, Path], starts: dict[str, Path]) -> dict[str, object]:
    """Return mAP50 on the test, and how well an attacker tells trained images from others."""
    scores = {
        owner: round(run_evaluation(str(out / owner / TEST), model).scores.map50, 4) for owner, model in models.items()
    }
    losses: dict[str, list[float]] = {"veiled": [], TEST: []}
    changes: dict[str, list[float]] = {"veiled": [], TEST: []}
    for owner, model in models.items():
        for archive, split in (("veiled", "train"), (TEST, "val")):
            after, before = (_losses(str(out / owner / archive), split, path) for path in (model, starts[owner]))
            losses[archive] += after
            changes[archive] += [late - early for late, early in zip(after, before, strict=True)]
    learned, others = losses.values()
    return {
        "map50": scores,
        "auc_loss": round(membership_auc(learned, others), 4),
        "auc_change": round(membership_auc(*changes.values()), 4),
        "guess_error": round(guess_error(len(learned), len(others)), 4),
        "images": [len(learned), len(others)],
    }


def _losses(archive: str, split: str, model_path: Path) -> list[float]:
    """Return a detector's loss on each image of a split, in the archive's order."""
    model, _ = load_bundle(model_path)
    dataset = VeiledDataset.open(archive, None)
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    model.criterion = model.init_criterion()
    losses = []
    with torch.no_grad():
        for columns in columns_of(labelled_rows(archive, dataset.labels_version, split, COLUMNS, None), 1):
            loss, _ = model(batch_of_rows(columns, dataset.header).to_ultralytics(torch.device("cpu")))
            losses.append(float(loss.sum()))
    return losses


if __name__ == "__main__":
    main()
