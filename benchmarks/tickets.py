"""`python -m benchmarks.tickets OUT`: planted label errors, one round of tickets, and what it mends.

The frames are of a made workshop, or of `--dataset`, labelled images with a train and a val split.

Two detectors, each trained on one half of the training frames with their planted labels, list suspects on the other
half. The most suspicious become tickets, which are answered from the true labels. A detector trained on the planted
labels and one trained on the mended ones are then measured on true labels of later frames.
"""

import argparse
import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from time import process_time

import numpy as np

from raypp.demo.workshop.sample import make_sample
from raypp.evaluate.run import run_evaluation
from raypp.execution import ExecutionSettings, On
from raypp.geometry.boxes import Box, box_iou
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT
from raypp.shards.labels import LabelTable, SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.splitting import Split, write_split
from raypp.text.split_names import TRAIN, VAL
from raypp.tickets.answer import AnswerVerdict, DrawnBox, TicketAnswer
from raypp.tickets.relabelling import apply_answers
from raypp.tickets.suspects import tickets_of_suspects
from raypp.tickets.ticket import Ticket, TicketKind, label_place, state_of
from raypp.tickets.ticketed import match_archive
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

_TRUTH, _PLANTED, _MENDED = "truth", "planted", "mended"
_HALVES = ("half-a", "half-b")
_BLOCK = 5
_SAME_OBJECT = 0.3
_KINDS = (TicketKind.OVERLOOKED, TicketKind.BADLY_LOCATED, TicketKind.SWAPPED)


def main() -> None:
    """Print how many tickets were about real errors, and both detectors' mAP."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tickets", description=__doc__)
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each of four videos")
    parser.add_argument("--size", type=int, default=192, help="side of the square")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--half-epochs", type=int, default=60, help="of the two detectors that list suspects")
    parser.add_argument("--errors", type=int, default=300)
    parser.add_argument("--tickets", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the last two detectors")
    parser.add_argument("--dataset", type=Path, help="labelled images in the place of the workshop's videos")
    parser.add_argument("--weights", type=Path, help="public weights of yolov8n, in the place of a new yolov8p")
    parser.add_argument("--kinds", nargs="+", choices=[*_KINDS], default=[*_KINDS], help="of errors")
    given = parser.parse_args()
    archive = _veiled(given.out, given.seconds, given.size, given.dataset)
    reader = ShardReader(archive)
    if given.dataset is None:
        truth = write_split(reader, None, _TRUTH, Split(val=0.3))
    else:
        (version,) = list_versions(reader.store)
        own = read_labels(reader.store, version)
        truth = write_labels(reader.store, _TRUTH, own.classes, own.veil_id, own.rows)
    planted = _plant(archive, truth, given.errors, [TicketKind(kind) for kind in given.kinds])
    boxes = sum(len(row.boxes) for row in truth.rows if row.split == TRAIN)
    print(f"labels        {truth.splits}; {boxes} boxes in train", flush=True)
    _train_all(archive, given.out, [(name, 0) for name in _HALVES], given.half_epochs, given.weights)
    for name in _HALVES:
        report = run_evaluation(archive, given.out / f"{name}-0", name, folder=given.out / f"report-{name}")
        print(f"{name:<14}mAP50 {report.scores.map50:.3f} on the other half's planted labels")
    _one_round(archive, given.out, truth, planted, given.tickets)
    _train_all(
        archive,
        given.out,
        [(n, seed) for seed in given.seeds for n in (_PLANTED, _MENDED)],
        given.epochs,
        given.weights,
    )
    for seed in given.seeds:
        for name in (_PLANTED, _MENDED):
            scores = run_evaluation(archive, given.out / f"{name}-{seed}", _TRUTH).scores
            print(f"{name:<14}seed {seed}: mAP50 {scores.map50:.4f}, mAP50-95 {scores.map50_95:.4f}", flush=True)


def _veiled(out: Path, seconds: float, size: int, dataset: Path | None) -> str:
    out.mkdir(parents=True, exist_ok=True)
    if dataset is None:
        dataset = make_sample(out / "sample", 1, 4, seconds=seconds, fps=5, size=(320, 240)).inventory
    save_owner_key(VeilKey.generate(), out / "owner.key")
    settings = VeilSettings(
        out=str(out / "veiled"), private=out / "veiled-private", key_path=out / "owner.key", size=size, fps=Fraction(5)
    )
    with open_job(settings, [str(dataset)], SILENT) as job:
        job.run(veil_here, SILENT, None, None)
    return settings.out


def _plant(archive: str, truth: LabelTable, errors: int, kinds: list[TicketKind]) -> LabelTable:
    """Write the labels with errors in the training frames, as many of each kind; and both halves of them."""
    chance = np.random.default_rng(7)
    rows = truth.by_sample()
    order = [(row.sample_id, place) for row in truth.rows if row.split == TRAIN for place in range(len(row.boxes))]
    boxes: dict[str, list[Box | None]] = {name: list(row.boxes) for name, row in rows.items()}
    for number, index in enumerate(chance.choice(len(order), errors, replace=False)):
        sample_id, place = order[index]
        boxes[sample_id][place] = _wrong(
            rows[sample_id].boxes[place], kinds[number % len(kinds)], len(truth.classes), chance
        )
    wrong = {name: tuple(box for box in own if box is not None) for name, own in boxes.items()}
    planted = [replace(row, boxes=wrong[row.sample_id]) for row in truth.rows]
    store = ShardReader(archive).store
    first = _first_half(archive, rows)
    for version, in_training in zip(_HALVES, (True, False), strict=True):
        half = [
            replace(row, split=TRAIN if (row.sample_id in first) is in_training else VAL)
            for row in planted
            if row.split == TRAIN
        ]
        write_labels(store, version, truth.classes, truth.veil_id, half)
    return write_labels(store, _PLANTED, truth.classes, truth.veil_id, planted)


def _wrong(box: Box, kind: TicketKind, classes: int, chance: np.random.Generator) -> Box | None:
    if kind is TicketKind.OVERLOOKED:
        return None
    if kind is TicketKind.SWAPPED:
        return replace(box, class_id=(box.class_id + int(chance.integers(1, classes))) % classes)
    x = float(np.clip(box.x + chance.choice([-0.33, 0.33]) * box.w, box.w / 2, 1 - box.w / 2))
    y = float(np.clip(box.y + chance.choice([-0.33, 0.33]) * box.h, box.h / 2, 1 - box.h / 2))
    return replace(box, x=x, y=y)


def _first_half(archive: str, rows: dict[str, SampleLabels]) -> set[str]:
    """Every second block of a few frames of each source; of images, every second block of images."""
    by_source: dict[str, list[tuple[int, str]]] = {}
    for batch in ShardReader(archive).iterate(("sample_id", "source", "timestamp_us")):
        for row in batch.rows.to_pylist():
            if row["sample_id"] in rows:
                by_source.setdefault(row["source"], []).append((row["timestamp_us"], row["sample_id"]))
    if all(len(frames) == 1 for frames in by_source.values()):
        by_source = {"": [frame for frames in by_source.values() for frame in frames]}
    return {
        name
        for frames in by_source.values()
        for number, (_, name) in enumerate(sorted(frames))
        if number // _BLOCK % 2 == 0
    }


def _train_all(archive: str, out: Path, versions: list[tuple[str, int]], epochs: int, weights: Path | None) -> None:
    jobs = [(archive, out / f"{version}-{seed}", version, seed, epochs, weights) for version, seed in versions]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for line in pool.map(_train, jobs):
            print(line, flush=True)


def _train(job: tuple[str, Path, str, int, int, Path | None]) -> str:
    archive, out, version, seed, epochs, weights = job
    started = process_time()
    settings = TrainSettings(
        archive=archive, out=out, labels_version=version, epochs=epochs, batch=8,
        architecture="yolov8n" if weights else "yolov8p", weights=weights, nominal_batch=8, seed=seed,
    )  # fmt: skip
    run_training(settings, ExecutionSettings(on=On.LOCAL), SILENT)
    return f"trained       {version}, seed {seed}: {process_time() - started:.0f} CPU seconds"


def _one_round(archive: str, out: Path, truth: LabelTable, planted: LabelTable, most: int) -> None:
    reader = ShardReader(archive)
    paths = [out / f"report-{name}" / "label-suspects.csv" for name in _HALVES]
    tickets = tickets_of_suspects(paths, most, planted, state_of(reader.manifest.digest, planted))
    true, wrong = truth.by_sample(), planted.by_sample()
    answers = {
        ticket.ticket: _answer(ticket, true[ticket.sample_id].boxes, wrong[ticket.sample_id].boxes, truth.classes)
        for ticket in tickets
    }
    summary = apply_answers(match_archive(reader, tickets), answers, _MENDED, out / "answers.jsonl")
    kinds = Counter(ticket.kind for ticket in tickets)
    real = Counter(ticket.kind for ticket in tickets if answers[ticket.ticket].verdict is not AnswerVerdict.DISAGREE)
    for kind in _KINDS:
        print(f"tickets       {kind}: {kinds[kind]}, of which {real[kind]} were real errors")
    print(f"tickets       {len(tickets)}, of which {real.total()} were real errors; {json.dumps(summary.verdicts)}")
    print(
        f"errors left   {_errors(truth, read_labels(reader.store, _MENDED))} of {_errors(truth, planted)}", flush=True
    )


def _answer(ticket: Ticket, true: tuple[Box, ...], wrong: tuple[Box, ...], classes: tuple[str, ...]) -> TicketAnswer:
    """Answer from the true labels: what stands there is right, or the true box is drawn."""
    disagree = TicketAnswer(ticket=ticket.ticket, verdict=AnswerVerdict.DISAGREE)
    place = label_place(ticket, wrong)
    if place is not None and wrong[place] in true:
        return disagree
    assert ticket.box is not None
    free = [box for box in true if box not in wrong]
    if place is None:  # an object without any label near it
        free = [box for box in free if all(_iou(box, other) < _SAME_OBJECT for other in wrong)]
    near = sorted(free, key=lambda box: -_iou(box, Box(0, *ticket.box)))  # type: ignore[misc]
    if not near or _iou(near[0], Box(0, *ticket.box)) < _SAME_OBJECT:
        return disagree
    best = near[0]
    drawn = DrawnBox(class_name=classes[best.class_id], x=best.x, y=best.y, w=best.w, h=best.h)
    return TicketAnswer(ticket=ticket.ticket, verdict=AnswerVerdict.CORRECTED, boxes=(drawn,))


def _errors(truth: LabelTable, labels: LabelTable) -> int:
    """True labels that a version does not have."""
    own = labels.by_sample()
    return sum(box not in own[row.sample_id].boxes for row in truth.rows for box in row.boxes)


def _iou(box: Box, other: Box) -> float:
    corners = [
        np.array([[each.x - each.w / 2, each.y - each.h / 2, each.x + each.w / 2, each.y + each.h / 2]])
        for each in (box, other)
    ]
    return float(box_iou(*corners)[0, 0])


if __name__ == "__main__":
    main()
