"""Many moments as local time: what `raypp.usage.shifts.local` gives, for columns."""

from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from raypp.usage.episodes import Integers
from raypp.usage.shifts import local

_SECOND_US, _DAY_US = 1_000_000, 86_400_000_000
_DAY = timedelta(microseconds=_DAY_US - 1)


class LocalTimes:
    """Moments in one zone, as texts.

    Args:
        moments_us: int64 [N], microseconds since 1970.
        zone: the zone.
    """

    def __init__(self, moments_us: Integers, zone: ZoneInfo) -> None:
        days, day_of = np.unique(moments_us // _DAY_US, return_inverse=True)
        offsets = [_offset(day, zone) for day in days.tolist()]
        steady = np.array([offset is not None for offset in offsets], bool)[day_of]
        offset_us = np.array([(offset or (0, ""))[0] for offset in offsets], np.int64)[day_of]
        self._moments_us = moments_us
        self._zone = zone
        self._offsets = [(offset or (0, ""))[1] for offset in offsets]
        self._day_of = day_of.tolist()
        self._odd: list[int] = np.flatnonzero(~steady).tolist()  # on days on which clocks change
        local_us = moments_us + offset_us
        self._days = (local_us // _DAY_US).tolist()
        self._seconds = (local_us // _SECOND_US % 86_400).tolist()
        self._parts = (local_us % _SECOND_US).tolist()

    def days(self) -> list[str]:
        """Return dates, such as `2026-03-02`."""
        texts = [_date(day) for day in self._days]
        for place in self._odd:
            texts[place] = local(int(self._moments_us[place]), self._zone).strftime("%Y-%m-%d")
        return texts

    def clocks(self) -> list[str]:
        """Return times of day, such as `14:03:07`."""
        clocks = _clocks()
        texts = [clocks[second] for second in self._seconds]
        for place in self._odd:
            texts[place] = local(int(self._moments_us[place]), self._zone).strftime("%H:%M:%S")
        return texts

    def iso(self) -> list[str]:
        """Return ISO 8601 with the zone's offset, to the microsecond where there are any."""
        clocks, offsets = _clocks(), self._offsets
        texts = [
            f"{_date(day)}T{clocks[second]}.{part:06}{offsets[at]}" if part else
            f"{_date(day)}T{clocks[second]}{offsets[at]}"
            for day, second, part, at in zip(self._days, self._seconds, self._parts, self._day_of, strict=True)
        ]  # fmt: skip
        for place in self._odd:
            texts[place] = local(int(self._moments_us[place]), self._zone).isoformat()
        return texts


@cache
def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))


@cache
def _clocks() -> list[str]:
    return [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)]


@cache
def _offset(day: int, zone: ZoneInfo) -> tuple[int, str] | None:
    """Offset of a zone on a day of UTC, in microseconds and as text; None where it changes, or no calendar goes."""
    first, last = local(day * _DAY_US, zone), local((day + 1) * _DAY_US - 1, zone)
    offset = first.utcoffset()
    if offset is None or offset != last.utcoffset() or last - first != _DAY:
        return None
    return offset // timedelta(microseconds=1), first.isoformat()[19:]
