"""Three owners with keys of their own train together: `python -m tests.accept.collective OUT`.

The common trunk and head, behind each owner's own adapter, are set against one owner that has all images under one key,
and against each owner alone, all in as many steps, on images that none of them has. Images are of discs and bars, which
a small detector learns in a minute; with `--benches`, of the demo's benches, which takes hours. Rounds are carried out
in this process, one owner after the other; vectors are masked, summed and opened as over the wire. Prints a line of
JSON for each arm. What was done is not done again when it is run again.
"""

import argparse
import json
from pathlib import Path
from time import process_time

import numpy as np

from raypp.collective.local_training import LocalTraining, initial_model
from raypp.collective.member import MemberAttempt
from raypp.collective.membership import SiteMember
from raypp.collective.plan import CollectivePlan, weights_digest
from raypp.collective.ring import UpdateRing
from raypp.collective.round import AttemptName, Phase, RoundAttempt
from raypp.collective.settings import JoinSettings
from raypp.collective.weights import Vector, vector_digest
from raypp.demo.workshop.tools import CLASSES
from raypp.evaluate.run import run_evaluation
from raypp.io.atomic import whole_file, write_text
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings
from raypp.veil.keyfile import load_owner_key
from tests.accept.owners import OWNERS, TEST, TOGETHER, make_owners, make_starts
from tests.collective.sites import carry_out
from tests.drill.scenes import CLASSES as SCENE_CLASSES


def main() -> None:
    """Draw, veil, train the arms that are wanted, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.collective", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--benches", action="store_true", help="images of the demo's benches")
    parser.add_argument("--model", default="yolov8p", help="architecture")
    parser.add_argument("--weights", type=Path, help="public weights to start from; random ones by default")
    parser.add_argument("--public", type=int, default=0, help="public images that all arms start from; none by default")
    parser.add_argument("--public-epochs", type=int, default=30)
    parser.add_argument("--images", type=int, default=24, help="that each owner trains on")
    parser.add_argument("--size", type=int, default=160, help="side of the square, in pixels")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=6, help="of an owner in a round")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--arm", action="append", help=f"collective, {TOGETHER}, or an owner; all by default")
    options = parser.parse_args()
    out: Path = options.out
    make_owners(out, options.images, options.size, benches=options.benches)
    options.starts = dict.fromkeys(OWNERS, options.weights)
    if options.public:
        options.starts = make_starts(out, options.public, options.public_epochs, options.size)
    for arm in options.arm or ("collective", TOGETHER, *OWNERS):
        kept = out / f"result-{arm}.json"
        if not kept.exists():
            begun = process_time()
            scores = _collective(options) if arm == "collective" else {arm: _alone(options, arm)}
            write_text(kept, json.dumps({"arm": arm, "map50": scores, "cpu_s": round(process_time() - begun)}))
        print(kept.read_text(), flush=True)


def _alone(options: argparse.Namespace, arm: str) -> float:
    """Train on one archive, with as many steps as an owner has in all rounds; returns mAP50 on the test."""
    out, epochs = options.out, options.rounds * options.epochs
    together = arm == TOGETHER
    settings = TrainSettings(
        archive=str(out / TOGETHER if together else out / arm / "veiled"),
        out=out / "runs" / arm,
        architecture=options.model,
        weights=options.starts[OWNERS[0] if together else arm],
        epochs=epochs // len(OWNERS) if together else epochs,
        batch=options.batch,
        nominal_batch=options.batch,
    )
    run_training(settings)
    return _score(out, OWNERS[0] if together else arm, settings.out)


def _collective(options: argparse.Namespace) -> dict[str, float]:
    """Train together; returns mAP50 on the test of each owner's detector."""
    out: Path = options.out
    keys = {owner: load_owner_key(out / owner / "key") for owner in OWNERS}
    plan = CollectivePlan(
        name="three-owners",
        sites={owner: key.fingerprint for owner, key in keys.items()},
        architecture=options.model,
        classes=CLASSES if options.benches else SCENE_CLASSES,
        size=options.size,
        patch=8,
        rounds=options.rounds,
        epochs=options.epochs,
        batch=options.batch,
        nominal_batch=options.batch,
        weights=options.starts[OWNERS[0]],
        weights_sha256=weights_digest(options.starts[OWNERS[0]]) if options.starts[OWNERS[0]] else "",
    )
    members = {owner: SiteMember.accept(plan, owner, key) for owner, key in keys.items()}
    folder = out / "runs" / "collective"
    trainings = {
        owner: LocalTraining.open(
            plan,
            JoinSettings(archive=str(out / owner / "veiled"), out=folder / owner, weights=options.starts[owner]),
        )
        for owner in OWNERS
    }
    layers = trainings[OWNERS[0]].layers
    common = layers.read(initial_model(plan).state_dict())
    for number in range(1, plan.rounds + 1):
        kept = folder / f"common-{number:05d}.npy"
        if not kept.exists():
            updates = {owner: training.train_round(number, common) for owner, training in trainings.items()}
            common = common + _mean(plan, members, trainings, updates, (number, vector_digest(common)))
            with whole_file(kept) as part, part.open("wb") as file:
                np.save(file, common)
            print(f"round {number}: {[round(float(np.linalg.norm(each)), 2) for each in updates.values()]}", flush=True)
        common = np.load(kept)
    return {owner: _score(out, owner, training.write_model(common)) for owner, training in trainings.items()}


def _mean(
    plan: CollectivePlan,
    members: dict[str, SiteMember],
    trainings: dict[str, LocalTraining],
    updates: dict[str, Vector],
    round_of: tuple[int, str],
) -> Vector:
    """Mask, sum and open as sites and coordinator do."""
    number, base = round_of
    ring = UpdateRing(plan.clip, len(plan.sites), plan.most_frames)
    vectors = {owner: ring.encode(update, trainings[owner].frames) for owner, update in updates.items()}
    attempt = RoundAttempt(plan, AttemptName(plan.digest, number, 1), base, len(vectors[OWNERS[0]]))
    sides = {owner: MemberAttempt(plan, member, attempt.name, base) for owner, member in members.items()}
    carry_out(attempt, sides, vectors)
    assert attempt.phase is Phase.OPENED
    mean, _ = ring.decode(attempt.open())
    return mean


def _score(out: Path, owner: str, model: Path) -> float:
    """Return mAP50 on the test, veiled by an owner's key."""
    return round(run_evaluation(str(out / owner / TEST), model).scores.map50, 4)


if __name__ == "__main__":
    main()
