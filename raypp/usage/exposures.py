"""Many quarters of an hour of exposure as columns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.usage.episode import StreamName
from raypp.usage.violation import Exposure

Integers = npt.NDArray[np.int64]
ExposureLane = tuple[StreamName, str, str]
"""Stream, zone and item of exposure."""
ExposureFields = tuple[StreamName, str, str, int, int, int, int, int, int, int, int]
"""What exposure consists of, in the order of its attributes; the doubts last."""
TIMES = 7
"""Person-time with the item, without it, and in which it cannot be told, by `CannotTell`."""


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Exposure in some order.

    Attributes:
        lanes: stream, zone and item of those that have any.
        lane: int64 [N], of each the number of its lane.
        start_us: int64 [N], as in `Exposure`.
        times_us: int64 [N, TIMES], person-time.
    """

    lanes: tuple[ExposureLane, ...]
    lane: Integers
    start_us: Integers
    times_us: Integers

    @classmethod
    def of(cls, rows: Iterable[Exposure]) -> "Exposures":
        """Gather exposure, in its order."""
        parts = [(row.stream, row.zone, row.item, row.start_us, row.worn_us, row.not_worn_us, *row.doubts_us)
                 for row in rows]  # fmt: skip
        return cls.gathered([parts])

    @classmethod
    def gathered(cls, parts: Iterable[Sequence[ExposureFields]]) -> "Exposures":
        """Gather exposure from rows of its fields; of several parts one is held at a time."""
        numbers: dict[ExposureLane, int] = {}
        lane: list[int] = []
        times = [np.empty((0, TIMES + 1), np.int64)]
        for rows in parts:
            lane += [numbers.setdefault(row[:3], len(numbers)) for row in rows]
            times.append(np.array([row[3:] for row in rows], np.int64).reshape(-1, TIMES + 1))
        whole = np.concatenate(times)
        return cls(tuple(numbers), np.array(lane, np.int64), whole[:, 0], whole[:, 1:])

    def take(self, some: npt.NDArray[np.bool_] | Integers | slice) -> "Exposures":
        """Return some of it: by a mask, by places, or by a slice."""
        return Exposures(self.lanes, self.lane[some], self.start_us[some], self.times_us[some])

    def __len__(self) -> int:
        return len(self.lane)

    def __iter__(self) -> Iterator[Exposure]:
        columns = (self.lane.tolist(), self.start_us.tolist(), self.times_us.tolist())
        for lane, start_us, (worn_us, not_worn_us, *doubts_us) in zip(*columns, strict=True):
            stream, zone, item = self.lanes[lane]
            small, hidden, cut, turned, blind = doubts_us
            yield Exposure(stream, zone, item, start_us, worn_us, not_worn_us, (small, hidden, cut, turned, blind))
