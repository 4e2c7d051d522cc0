"""Rows of YOLO label files: boxes, polygons, turned boxes and key points, told apart by what the dataset declares."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from raypp.errors import LabelError
from raypp.geometry.boxes import Box, Edges
from raypp.media.annotations.boxes import (
    MOST_OVERSHOOT,
    ImageLabels,
    fit,
    from_centre,
    hull,
    to_box,
)

_VISIBILITIES = frozenset([0.0, 1.0, 2.0])


class LabelTask(StrEnum):
    """Kind of a dataset's rows, after ultralytics' tasks."""

    DETECT = "detect"
    SEGMENT = "segment"
    POSE = "pose"
    OBB = "obb"


@dataclass(frozen=True)
class RowFormat:
    """How the numbers after the class are read.

    Attributes:
        task: as the dataset's `task` or `kpt_shape` says; None where it says neither.
        keypoint_numbers: numbers of all key points of a row; of POSE only.
    """

    task: LabelTask | None = None
    keypoint_numbers: int = 0

    def edges(self, numbers: Sequence[float], place: str) -> Edges:
        """Return the normalised edges of a row: of its box, or of the hull of its polygon.

        A row of a pose dataset is a box with or without key points. Elsewhere 4 numbers are a box (centre, width,
        height), and 6 or more a polygon; the 8 of a turned box are its corners, whose hull is the same.

        Raises:
            LabelError: for any other row, and for one that can only be key points nobody declared.
        """
        count = len(numbers)
        if count == 4:
            return from_centre(*numbers)
        if self.task is LabelTask.POSE:
            if count == 4 + self.keypoint_numbers:
                return from_centre(*numbers[:4])
            raise LabelError(
                f"{place}: {count} numbers after the class; kpt_shape asks for {4 + self.keypoint_numbers}, and a box "
                "alone has 4: correct the row or kpt_shape"
            )
        if count == 5:
            raise LabelError(
                f"{place}: 5 numbers after the class; a box has 4 (remove a confidence, an angle or an id), a turned "
                "box 8, the x and y of its corners"
            )
        if self.task is None and _like_key_points(numbers):
            raise LabelError(
                f"{place}: the numbers after the class look like a box and key points; declare kpt_shape in data.yaml, "
                "or task: segment if they are a polygon"
            )
        if count >= 6 and count % 2 == 0:
            return hull(numbers)
        raise LabelError(
            f"{place}: {count} numbers after the class; a box has 4, a polygon 6 or more, in pairs; correct the row "
            "(rows with key points need kpt_shape in data.yaml)"
        )

    @property
    def overshoot(self) -> float:
        """How far a row may reach beyond the image: corners of turned boxes do, as far as the box is long."""
        return 1.0 if self.task is LabelTask.OBB else MOST_OVERSHOOT


def _like_key_points(numbers: Sequence[float]) -> bool:
    """Whether they can be a box and points with a visibility each; a polygon with such coordinates is hardly drawn."""
    return len(numbers) >= 10 and (len(numbers) - 4) % 3 == 0 and set(numbers[6::3]) <= _VISIBILITIES


def parse_labels(text: str, classes: Sequence[str], where: str, rows: RowFormat | None = None) -> ImageLabels:
    """Read a YOLO label file.

    A box that reaches beyond the image by up to a hundredth is clipped; a row that stands twice counts once.

    Args:
        text: the file's content.
        classes: names of the classes.
        where: the file, for messages.
        rows: how rows are read.

    Raises:
        LabelError: naming the file and line.
    """
    read = rows or RowFormat()
    boxes: dict[Box, None] = {}
    lines = clipped = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        place = f"{where}:{number}"
        class_id = _class_id(words[0], len(classes), place)
        edges, cut = fit(read.edges(to_numbers(words[1:], place), place), place, overshoot=read.overshoot)
        box = to_box(class_id, edges)
        lines += 1
        clipped += cut and box not in boxes
        boxes[box] = None
    return ImageLabels(tuple(boxes), None, clipped, lines - len(boxes))


def _class_id(word: str, classes: int, place: str) -> int:
    try:
        value = float(word)
    except ValueError:
        value = -0.5
    if not value.is_integer():
        raise LabelError(f"{place}: class {word!r} is no whole number; correct the label")
    if not 0 <= value < classes:
        raise LabelError(f"{place}: class index {int(value)}, but there are {classes} classes; correct the label")
    return int(value)


def to_numbers(words: Sequence[str], place: str) -> list[float]:
    """Read words as numbers; raises LabelError."""
    try:
        return [float(word) for word in words]
    except ValueError:
        raise LabelError(f"{place}: {' '.join(words)[:80]!r} holds something that is no number") from None


def is_label_row(line: str) -> bool:
    """Whether a line can be a row of a YOLO label file: a class and at least 4 numbers."""
    words = line.split()
    try:
        return len(words) >= 5 and float(words[0]).is_integer() and all(float(word) is not None for word in words[1:])
    except (ValueError, OverflowError):
        return False
