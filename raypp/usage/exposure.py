"""Person-time in zones, by item and state, gathered by quarters of an hour."""

from collections.abc import Iterable
from typing import NamedTuple

from raypp.usage.episode import StreamName
from raypp.usage.violation import SLOT_US, Exposure
from raypp.usage.wearing import Wearing, Worn


class KeptExposure(NamedTuple):
    """One row as the fold's state keeps it; see `Exposure`."""

    zone: str
    item: str
    start_us: int
    worn_us: int
    not_worn_us: int
    doubts_us: tuple[int, int, int, int, int]


class ExposureBook:
    """Rows of person-time while they grow.

    Args:
        kept: rows that may still grow.
    """

    def __init__(self, kept: Iterable[KeptExposure]) -> None:
        self._rows = {(row.zone, row.item, row.start_us // SLOT_US): _Row(row) for row in kept}
        self._changed: dict[tuple[str, str, int], _Row] = {}

    def add(self, place: tuple[str, str], start_us: int, end_us: int, now: Wearing) -> None:
        """Add the time of one person in one zone with one item.

        Args:
            place: zone and item.
            start_us: event time.
            end_us: its end, exclusive.
            now: what holds about the item then.
        """
        while start_us < end_us:
            slot = start_us // SLOT_US
            until_us = min(end_us, (slot + 1) * SLOT_US)
            row = self._rows.get((*place, slot))
            if row is None:
                row = self._rows[*place, slot] = _Row(KeptExposure(*place, start_us, 0, 0, (0, 0, 0, 0, 0)))
            row.grow(until_us - start_us, now)
            self._changed[*place, row.start_us] = row
            start_us = until_us

    def turn(self, until_us: int) -> None:
        """Leave out rows that grow no more: of quarters of an hour before the last one."""
        first = until_us // SLOT_US - 1
        if any(slot < first for *_, slot in self._rows):
            self._rows = {key: row for key, row in self._rows.items() if key[2] >= first}

    def kept(self) -> tuple[KeptExposure, ...]:
        """Return the rows that may still grow."""
        return tuple(self._rows[key].kept() for key in sorted(self._rows))

    def changed(self, stream: StreamName) -> tuple[Exposure, ...]:
        """Return the rows that have grown."""
        return tuple(Exposure(stream, *row.kept()) for row in self._changed.values())


class _Row:
    """One row while it grows: it does so for each person and item at each frame."""

    __slots__ = ("_doubts_us", "_not_worn_us", "_place", "_worn_us", "start_us")

    def __init__(self, row: KeptExposure) -> None:
        zone, item, self.start_us, self._worn_us, self._not_worn_us, doubts_us = row
        self._place = zone, item
        self._doubts_us = list(doubts_us)

    def grow(self, time_us: int, now: Wearing) -> None:
        if now.state == Worn.WORN:
            self._worn_us += time_us
        elif now.state == Worn.NOT_WORN:
            self._not_worn_us += time_us
        else:
            self._doubts_us[now.doubt] += time_us

    def kept(self) -> KeptExposure:
        small, hidden, cut, turned, blind = self._doubts_us
        reasons = small, hidden, cut, turned, blind
        return KeptExposure(*self._place, self.start_us, self._worn_us, self._not_worn_us, reasons)
