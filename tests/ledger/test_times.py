"""Times and durations as an operator writes them: none is so large that a database or a calendar cannot hold it."""

import pytest

from raypp.errors import OptionError
from raypp.ledger.times import parse_duration, parse_time, shown_time

_YEAR_US = 365 * 24 * 3600 * 1_000_000


@pytest.mark.parametrize("text", ["999999999w", "99999999d", "36601d"])
def test_a_duration_of_centuries_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=f"--older-than '{text}' is out of range; give at most 36600d"):
        parse_duration(text, "--older-than")


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "0001-01-01", "1969-12-31", "9999-01-01"])
def test_a_time_that_calendars_barely_have_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="out of range; give a year of 1970 to 9998"):
        parse_time(text, "--at")


def test_what_is_taken_can_be_shown() -> None:
    assert shown_time(parse_time("9998-12-31T23:59:59-14:00", "--at")).startswith("9999-01-01")
    assert parse_duration("100d", "--at") < _YEAR_US
    assert shown_time(2**63 - 1) == "never"
