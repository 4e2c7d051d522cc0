"""Marks on a time axis, at round times of the site's clocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from raypp.reports.period import SECOND_US, Period, to_us
from raypp.usage.shifts import local

_HOUR = 3600
_DAY = 86_400
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY, 91 * _DAY, 364 * _DAY),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark.

    Attributes:
        at_us: where.
        label: time of day, or the day at midnight and on longer axes.
        is_day: whether it is a midnight.
    """

    at_us: int
    label: str
    is_day: bool


def make_ticks(period: Period, zone: ZoneInfo, most: int = 10) -> tuple[Tick, ...]:
    """Return at most about `most` marks within a period; hours and days are those of the site's clocks."""
    if period.length_us <= 0:
        return ()
    step_s = next((step for step in _STEPS_S if period.length_us <= step * most * SECOND_US), _STEPS_S[-1])
    return tuple(_tick(moment, zone, step_s) for moment in _moments(period, zone, step_s))


def _moments(period: Period, zone: ZoneInfo, step_s: int) -> Iterator[int]:
    first = local(period.from_us, zone)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if step_s < _HOUR:
        # Absolute steps from a full hour: every offset in use today is a whole number of quarter hours.
        hour = first.replace(minute=0, second=0, microsecond=0)
        at, step_us = to_us(hour, zone), step_s * SECOND_US
        at += -(-(period.from_us - at) // step_us) * step_us
        yield from range(at, period.to_us + 1, step_us)
        return
    within = [timedelta(seconds=second) for second in range(0, _DAY, step_s)] if step_s < _DAY else [timedelta()]
    days = timedelta(days=max(1, step_s // _DAY))
    day = midnight.replace(tzinfo=None)
    while True:
        for since in within:
            wall = day + since
            at = to_us(wall, zone)
            if at > period.to_us:
                return
            if at >= period.from_us and _exists(wall, at, zone):
                yield at
        day += days


def _exists(wall: datetime, at_us: int, zone: ZoneInfo) -> bool:
    """Whether clocks showed that time at all: an hour is left out when summer begins."""
    return local(at_us, zone).replace(tzinfo=None) == wall


def _tick(at_us: int, zone: ZoneInfo, step_s: int) -> Tick:
    when = local(at_us, zone)
    is_day = (when.hour, when.minute, when.second) == (0, 0, 0)
    if step_s >= _DAY or is_day:
        return Tick(at_us, f"{when.day} {when:%b}" + (f" {when:%Y}" if step_s > 28 * _DAY else ""), is_day)
    return Tick(at_us, f"{when:%H:%M:%S}" if step_s < 60 else f"{when:%H:%M}", is_day)
