"""Shifts as stretches of time: local time of the site, whatever the clocks do that night."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from raypp.usage.rules import Day, LocalHours, Shift

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US, _LAST_US = (
    (datetime(*date_, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) for date_ in ((1, 1, 4), (9999, 12, 28))
)
"""From where to where `datetime` has local time in every zone, and two days before and after."""
_WEEK = tuple(Day)


@dataclass(frozen=True, slots=True)
class WorkedShift:
    """One shift of one day.

    Attributes:
        name: of the shift.
        day: local date on which it starts.
        start_us, end_us: microseconds since 1970, end exclusive.
    """

    name: str
    day: date
    start_us: int
    end_us: int


def shifts_between(shifts: Sequence[Shift], zone: ZoneInfo, from_us: int, to_us: int) -> list[WorkedShift]:
    """List the shifts that have a part between two moments, by start.

    A night in which clocks change makes a shift an hour shorter or longer. A local time that is skipped that night
    counts as the moment of the change; one that comes twice, as the first.
    """
    spans = [
        WorkedShift(shift.name, day, start_us, end_us)
        for shift in shifts
        for day, start_us, end_us in hours_between(shift, zone, from_us, to_us)
    ]
    return sorted(spans, key=lambda span: (span.start_us, span.end_us, span.name))


def hours_between(hours: LocalHours, zone: ZoneInfo, from_us: int, to_us: int) -> Iterator[tuple[date, int, int]]:
    """List each time at which hours come that has a part between two moments: its day, start and end."""
    if from_us >= to_us:
        return
    day = local(from_us, zone).date() - timedelta(days=1)
    last = local(to_us, zone).date()
    while day <= last:
        if _WEEK[day.weekday()] in hours.days:
            ends_on = day + timedelta(days=hours.end <= hours.start)
            start_us, end_us = _moment(day, hours.start, zone), _moment(ends_on, hours.end, zone)
            if start_us < to_us and end_us > from_us:
                yield day, start_us, end_us
        day += timedelta(days=1)


def local(moment_us: int, zone: ZoneInfo) -> datetime:
    """Return a moment as local time with its offset; one beyond the calendar as a day near its end."""
    moment_us = max(_FIRST_US, min(moment_us, _LAST_US))
    return (_EPOCH + timedelta(microseconds=moment_us)).astimezone(zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> int:
    """Return a local time in microseconds since 1970."""
    wall = datetime.combine(day, at, zone)
    moment = wall.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None):  # skipped by the clocks
        moment = _change_before(moment, zone)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _change_before(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when the zone's offset last changed, to the second, up to a day before a moment."""
    low, high = moment - timedelta(days=1), moment
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)
