"""Memory of labels in a process that trains or evaluates: what each labelled row adds to its peak."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from benchmarks.older import ROOT, checked_out, run_in
from benchmarks.training_images import veiled_images
from raypp.geometry.boxes import Box
from raypp.shards.labels import SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.store import Store

Row = tuple[str, str, str]

_READS = str(ROOT / "benchmarks" / "label_reading.py")
_FEW, _MANY = 50_000, 250_000
_BOXES = 3


def evaluate_memory_rows(folder: Path) -> list[Row]:
    """Bytes a labelled row of three boxes adds to the peak of a process that reads frames, before and now."""
    archive = veiled_images(folder, 8, 64)
    store = Store(str(archive))
    (first,) = list_versions(store)
    table = read_labels(store, first)
    boxes = tuple(Box(number % 2, 0.5, 0.5, 0.1, 0.2 + number / 10) for number in range(_BOXES))
    known = [replace(row, boxes=boxes) for row in table.rows]
    for count in (_FEW, _MANY):
        others = [SampleLabels(_sample_id(number), "train", boxes) for number in range(count - len(known))]
        write_labels(store, str(count), table.classes, table.veil_id, [*known, *others])
    with checked_out(folder) as before:
        sides = {"before": before, "now": ROOT}
        slopes = {side: _slope(tree, archive) for side, tree in sides.items()}
    return [
        ("labels, peak a row of 3 boxes, before", f"{slopes['before']:.0f} B", ""),
        ("labels, peak a row of 3 boxes, now", f"{slopes['now']:.0f} B", ""),
        ("labels, now / before", f"{slopes['now'] / slopes['before']:.2f}", "bar <= 0.1"),
    ]


def _sample_id(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()[:32]


def _slope(tree: Path, archive: Path) -> float:
    few, many = (float(run_in(tree, [_READS, str(archive), str(count)])) for count in (_FEW, _MANY))
    return (many - few) / (_MANY - _FEW)
