"""Marks on a frame: boxes of labels and of detections, by sample."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from raypp.errors import OptionError
from raypp.io.csv_rows import read_csv_rows
from raypp.media.drawing import Mark
from raypp.shards.labels import list_versions, read_labels
from raypp.shards.store import Store
from raypp.text.csv_cells import as_text

_NUMBERED = re.compile(r"-v(\d+)$")
_BOX_COLUMNS = ("x", "y", "w", "h")
DETECTION_COLUMNS = ("sample_id", "class", "confidence", *_BOX_COLUMNS)
"""Columns of a file of detections: class is a name, the box centre and size as fractions of the square."""


@dataclass(frozen=True)
class LabelMarks:
    """Labels of one frame, and the version that they are of."""

    version: str
    marks: tuple[Mark, ...]


def label_marks(store: Store, version: str | None, wanted: Collection[str]) -> dict[str, LabelMarks]:
    """Return the labels of samples; samples that are not labelled are left out.

    Args:
        store: the archive.
        version: the label version; None for the one of the highest number that labels the sample.
        wanted: sample_ids.

    Raises:
        ShardError: if the version does not exist, or is damaged.
    """
    by_id: dict[str, LabelMarks] = {}
    for name in [version] if version else sorted(list_versions(store), key=_number):
        table = read_labels(store, name)
        for row in table.rows:
            if row.sample_id in wanted:
                marks = (Mark(table.classes[box.class_id], box.x, box.y, box.w, box.h) for box in row.boxes)
                by_id[row.sample_id] = LabelMarks(name, tuple(marks))
    return by_id


def read_detections(path: Path, wanted: Collection[str]) -> dict[str, list[Mark]]:
    """Read the detections on samples from a CSV with the columns `DETECTION_COLUMNS`.

    Raises:
        OptionError: naming file, line and value, if it is malformed.
    """
    by_id: dict[str, list[Mark]] = {}
    for line, row in enumerate(read_csv_rows(path, DETECTION_COLUMNS), 2):
        if row["sample_id"] not in wanted:
            continue
        try:
            x, y, w, h, confidence = (float(row[name]) for name in (*_BOX_COLUMNS, "confidence"))
        except ValueError as error:
            raise OptionError(f"{path}:{line}: {error}; correct the file") from None
        by_id.setdefault(row["sample_id"], []).append(Mark(as_text(row["class"]), x, y, w, h, confidence))
    return by_id


def read_sample_ids(path: Path) -> list[str]:
    """Return the sample_ids that a CSV's column `sample_id` names, each once, in order; raises OptionError."""
    return list(dict.fromkeys(row["sample_id"] for row in read_csv_rows(path, ("sample_id",)) if row["sample_id"]))


def _number(version: str) -> tuple[int, str]:
    numbered = _NUMBERED.search(version)
    return (int(numbered[1]) if numbered else 0, version)
