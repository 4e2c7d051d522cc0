"""Labels of many label files in columns: about twenty bytes a file beside its boxes."""

from array import array
from collections.abc import Sequence
from typing import NamedTuple, overload

from raypp.geometry.boxes import Box
from raypp.media.annotations.boxes import ImageLabels

_NOT_READ = -1


class LabelRead(NamedTuple):
    """Labels of one label file, in little room.

    Attributes:
        boxes: class id, x, y, w and h of each box, as float64 one after another.
        clipped, repeated: as in `ImageLabels`.
    """

    boxes: bytes
    clipped: int
    repeated: int

    @property
    def labels(self) -> ImageLabels:
        """The labels themselves."""
        numbers = iter(array("d", self.boxes))
        boxes = (Box(int(class_id), *box) for class_id, *box in zip(*[numbers] * 5, strict=True))
        return ImageLabels(tuple(boxes), None, self.clipped, self.repeated)


ReadOutcome = LabelRead | str | None
"""What a label file held, why that cannot be used, or None where it has not been read."""


class LabelReads(Sequence[ReadOutcome]):
    """Keep what label files held, one after another."""

    def __init__(self) -> None:
        self._boxes = bytearray()
        self._ends = array("q", [0])
        self._clipped = array("i")
        self._repeated = array("i")
        self._reasons: dict[int, str] = {}

    def append(self, outcome: ReadOutcome) -> None:
        """Add what the next file held."""
        clipped, repeated = _NOT_READ, 0
        if isinstance(outcome, LabelRead):
            boxes, clipped, repeated = outcome
            self._boxes += boxes
        elif outcome is not None:
            self._reasons[len(self)] = outcome
        self._ends.append(len(self._boxes))
        self._clipped.append(clipped)
        self._repeated.append(repeated)

    def reason(self, place: int) -> str | None:
        """Return why the labels of one file cannot be used, or None."""
        return self._reasons.get(place)

    def __len__(self) -> int:
        """Return how many files there are."""
        return len(self._clipped)

    @overload
    def __getitem__(self, place: int) -> ReadOutcome: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[ReadOutcome]: ...

    def __getitem__(self, place: int | slice) -> ReadOutcome | Sequence[ReadOutcome]:
        """Return what one file held, or some."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        clipped = self._clipped[place]
        number = place % len(self._clipped)
        if clipped == _NOT_READ:
            return self._reasons.get(number)
        boxes = bytes(self._boxes[self._ends[number] : self._ends[number + 1]])
        return LabelRead(boxes, clipped, self._repeated[number])
