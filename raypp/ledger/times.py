"""Times and durations as an operator writes them."""

import re
from datetime import UTC, datetime, timedelta

from raypp.errors import OptionError

_DURATION = re.compile(r"(\d{1,9})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_MOST_DURATION = timedelta(days=100 * 366)
_LAST_US = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def parse_time(text: str, option: str) -> int:
    """Microseconds since 1970 of an ISO time, in UTC where it names no offset.

    Raises:
        OptionError: naming the option, the value and the form.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OptionError(f"{option} {text!r} is no time; write 2026-11-02 or 2026-11-02T06:00+01:00") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise OptionError(f"{option} {text!r} is out of range; give a year of {_FIRST_YEAR} to {_LAST_YEAR}")
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def parse_duration(text: str, option: str) -> int:
    """Microseconds of a duration such as 90d; raises OptionError naming the option, the value and the form."""
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise OptionError(f"{option} {text!r} is no duration; write a number and s, m, h, d or w, such as 90d")
    seconds = int(parts[1]) * _UNITS[parts[2]]
    if seconds > _MOST_DURATION.total_seconds():
        raise OptionError(f"{option} {text!r} is out of range; give at most {_MOST_DURATION.days}d")
    return seconds * 1_000_000


def shown_time(at_us: int | None) -> str:
    """A time in UTC for a reader; `never` where there is none, or none that a calendar has."""
    if at_us is None or at_us > _LAST_US:
        return "never"
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%d %H:%M:%S UTC")
