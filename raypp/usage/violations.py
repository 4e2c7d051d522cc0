"""Many violations as columns: a hundred thousand of them take some megabytes, and are summed up at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.violation import Violation, ViolationKind

Integers = npt.NDArray[np.int64]
ViolationLane = tuple[StreamName, ViolationKind, str, str]
"""Stream, kind, zone and item of a violation."""
ViolationFields = tuple[str, StreamName, int, str, str, int, int, int, int, float, int, int | None]
"""What a violation consists of, in the order of its attributes; kind, state and reason are numbers."""

_KINDS = {int(kind): kind for kind in ViolationKind}
_STATES = {int(state): state for state in EpisodeState}
_REASONS = {0: None} | {int(reason): reason for reason in CloseReason}


@dataclass(frozen=True, slots=True, eq=False)
class Violations:
    """Violations in some order.

    Attributes:
        lanes: stream, kind, zone and item of those that have any.
        lane: int64 [N], of each the number of its lane.
        ids: bytes [N], `violation_id`.
        track, start_us, end_us, seen_us: int64 [N], as in `Violation`.
        sure: float64 [N], likewise.
        state: int8 [N], likewise.
        reason: int8 [N], likewise; 0 for None.
    """

    lanes: tuple[ViolationLane, ...]
    lane: Integers
    ids: npt.NDArray[np.bytes_]
    track: Integers
    start_us: Integers
    end_us: Integers
    seen_us: Integers
    sure: npt.NDArray[np.float64]
    state: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]

    @classmethod
    def of(cls, violations: Iterable[Violation]) -> "Violations":
        """Gather violations, in their order."""
        rows = [
            (
                violation.violation_id,
                violation.stream,
                int(violation.kind),
                violation.zone,
                violation.item,
                violation.track,
                violation.start_us,
                violation.end_us,
                violation.seen_us,
                violation.sure,
                int(violation.state),
                violation.reason and int(violation.reason),
            )
            for violation in violations
        ]
        return cls.gathered([rows])

    @classmethod
    def gathered(cls, parts: Iterable[Sequence[ViolationFields]]) -> "Violations":
        """Gather violations from rows of their fields; of several parts one is held at a time."""
        numbers: dict[tuple[StreamName, int, str, str], int] = {}
        columns: list[tuple[npt.NDArray[Any], ...]] = []
        for rows in parts:
            if not rows:
                continue
            ids, streams, kinds, zones, items, *whole, sure, states, reasons = zip(*rows, strict=True)
            lane = [numbers.setdefault(key, len(numbers)) for key in zip(streams, kinds, zones, items, strict=True)]
            columns.append(
                (
                    np.array(lane, np.int64),
                    np.array([name.encode() for name in ids], "S32"),
                    *(np.array(column, np.int64) for column in whole),
                    np.array(sure, np.float64),
                    np.array(states, np.int8),
                    np.array([reason or 0 for reason in reasons], np.int8),
                )
            )
        if not columns:
            none, little = np.empty(0, np.int64), np.empty(0, np.int8)
            return cls((), none, np.empty(0, "S32"), none, none, none, none, np.empty(0), little, little)
        lanes = tuple((stream, _KINDS[kind], zone, item) for stream, kind, zone, item in numbers)
        return cls(lanes, *(np.concatenate(column) for column in zip(*columns, strict=True)))

    def take(self, some: npt.NDArray[Any] | slice) -> "Violations":
        """Return some of them: by a mask, by their places, or by a slice."""
        names = [field.name for field in fields(self) if field.name != "lanes"]
        return Violations(self.lanes, *(getattr(self, name)[some] for name in names))

    def beside(self, others: "Violations") -> "Violations":
        """Return them and others, by start and then id."""
        names = [field.name for field in fields(self) if field.name not in {"lanes", "lane"}]
        columns = [np.concatenate((getattr(self, name), getattr(others, name))) for name in names]
        lane = np.concatenate((self.lane, others.lane + len(self.lanes)))
        both = Violations((*self.lanes, *others.lanes), lane, *columns)
        return both.take(np.lexsort((both.ids, both.start_us)))

    @property
    def streams(self) -> list[StreamName]:
        """The stream of each lane."""
        return [lane[0] for lane in self.lanes]

    def __len__(self) -> int:
        return len(self.lane)

    def __iter__(self) -> Iterator[Violation]:
        columns = [getattr(self, field.name).tolist() for field in fields(self) if field.name != "lanes"]
        for lane, name, track, begun, ended, seen, sure, state, reason in zip(*columns, strict=True):
            stream, kind, zone, item = self.lanes[lane]
            whole = (name.decode(), stream, kind, zone, item, track, begun, ended, seen)
            yield Violation(*whole, sure, _STATES[state], _REASONS[reason])
