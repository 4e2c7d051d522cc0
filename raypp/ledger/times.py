"""Times and durations as an operator writes them."""

import re
from datetime import UTC, datetime, timedelta

from raypp.errors import OptionError

_DURATION = re.compile(r"(\d{1,9})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_time(text: str, option: str) -> int:
    """Microseconds since 1970 of an ISO time, in UTC where it names no offset.

    Raises:
        OptionError: naming the option, the value and the form.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OptionError(f"{option} {text!r} is no time; write 2026-11-02 or 2026-11-02T06:00+01:00") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def parse_duration(text: str, option: str) -> int:
    """Microseconds of a duration such as 90d; raises OptionError naming the option, the value and the form."""
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise OptionError(f"{option} {text!r} is no duration; write a number and s, m, h, d or w, such as 90d")
    return int(parts[1]) * _UNITS[parts[2]] * 1_000_000


def shown_time(at_us: int | None) -> str:
    """A time in UTC for a reader; `never` where there is none."""
    if at_us is None:
        return "never"
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%d %H:%M:%S")
