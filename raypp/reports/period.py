"""Periods of time as people name them, in a site's zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from raypp.errors import OptionError
from raypp.usage.shifts import local

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_YEAR, _MOST_YEAR = 1970, 9998
_REMEDY = "give today, yesterday, a day such as 2026-03-02, or a time such as 2026-03-02T14:30"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of event time.

    Attributes:
        from_us, to_us: microseconds since 1970; the end is exclusive and never before the start.
    """

    from_us: int
    to_us: int

    @property
    def length_us(self) -> int:
        """Its length in microseconds."""
        return self.to_us - self.from_us

    def until(self, moment_us: int) -> "Period":
        """The part of it before a moment: what has not happened yet is neither used nor unobserved."""
        return Period(self.from_us, max(self.from_us, min(self.to_us, moment_us)))


def read_period(from_text: str | None, to_text: str | None, zone: ZoneInfo, now_us: int) -> Period | None:
    """Read a period as a person gives it; None where neither end is given.

    A day stands for the whole of it: `--from` alone means that day, and `--to` includes the day it names. A moment
    given for `--from` alone reaches up to now; a day or moment for `--to` alone begins with its day.

    Args:
        from_text: `today`, `yesterday`, a day or a moment (ISO 8601), in the site's zone unless it names another.
        to_text: likewise.
        zone: the site's zone.
        now_us: the present, microseconds since 1970; it fixes `today`.

    Raises:
        OptionError: if a text names no time, or the end is not after the start.
    """
    first = _read("`from_`", from_text, zone, now_us) if from_text else None
    last = _read("`to`", to_text, zone, now_us) if to_text else None
    if first is None:
        if last is None:
            return None
        first = (day_of(last[0], zone).from_us, None)
    start_us = first[0]
    if last is not None:
        end_us = last[0] if last[1] is None else last[1]
    else:
        end_us = first[1] if first[1] is not None else max(now_us, start_us)
    if end_us <= start_us:
        raise OptionError(f"`to` {to_text or 'now'} is not after `from_` {from_text}; give a later end")
    return Period(start_us, end_us)


def day_of(moment_us: int, zone: ZoneInfo) -> Period:
    """The site's day, midnight to midnight, that a moment lies in."""
    return day(local(moment_us, zone).date(), zone)


def day(which: date, zone: ZoneInfo) -> Period:
    """A day of a site, midnight to midnight; 23 or 25 hours where the clocks change."""
    return Period(to_us(which, zone), to_us(which + timedelta(days=1), zone))


def to_us(moment: date, zone: ZoneInfo) -> int:
    """Microseconds since 1970 of a day's midnight, or of a moment: on the site's clocks unless it has a zone."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _read(option: str, text: str, zone: ZoneInfo, now_us: int) -> tuple[int, int | None]:
    """Start of what a text names, and its end where it names a day."""
    today = local(now_us, zone).date()
    names = {"today": today, "yesterday": today - timedelta(days=1)}
    word = text.strip().lower()
    try:
        which = names[word] if word in names else date.fromisoformat(word)
    except ValueError:
        which = None
    if which is not None:
        _check_year(option, text, which.year)
        whole = day(which, zone)
        return whole.from_us, whole.to_us
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise OptionError(f"{option} {text!r} is no time; {_REMEDY}") from None
    _check_year(option, text, moment.year)
    return to_us(moment, zone), None


def _check_year(option: str, text: str, year: int) -> None:
    if not _LEAST_YEAR < year <= _MOST_YEAR:
        raise OptionError(f"{option} {text!r} is out of range; {_REMEDY}")
