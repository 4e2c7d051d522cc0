"""Quiet hours: times of day and days of the week in which nobody is to be disturbed."""

from collections.abc import Sequence
from datetime import time
from enum import Enum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from raypp.usage.rules import Day, LocalHours
from raypp.usage.shifts import hours_between
from raypp.usage.spans import union

_DAY_US = 86_400_000_000
_DAYS_AHEAD = 15
"""Within so many days quiet hours end: each week has time beside them, which a change of clocks may skip once."""
_WEEK_S = 7 * 86_400


class WhenQuiet(Enum):
    """Ways to treat an alert that is raised in quiet hours."""

    HOLD = "hold"
    DROP = "drop"


def _with_an_end(quiet: tuple[LocalHours, ...]) -> tuple[LocalHours, ...]:
    """Return quiet hours; raises ValueError if they take the whole week."""
    spans = union(span for hours in quiet for span in _in_week(hours))
    if sum(end - start for start, end in spans) >= _WEEK_S:
        raise ValueError("takes the whole week, so nobody would ever be told; leave some time")
    return quiet


def _in_week(hours: LocalHours) -> list[tuple[int, int]]:
    """Return seconds of the week that hours take; what reaches beyond its end is at its begin."""
    spans = []
    for day in hours.days:
        start_s = tuple(Day).index(day) * 86_400 + _second(hours.start)
        lasts_s = (_second(hours.end) - _second(hours.start) - 1) % 86_400 + 1
        end_s = start_s + lasts_s
        spans += [(start_s, min(end_s, _WEEK_S)), (0, max(0, end_s - _WEEK_S))]
    return spans


def _second(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


QuietHours = Annotated[tuple[LocalHours, ...], Field(max_length=50), AfterValidator(_with_an_end)]


def quiet_until(quiet: Sequence[LocalHours], zone: ZoneInfo, at_us: int) -> int | None:
    """Return when the quiet hours end that a moment lies in, microseconds since 1970; None where it lies in none.

    Hours that meet are one. A night in which clocks change makes them shorter or longer, as it does shifts.
    """
    last_us = at_us + _DAYS_AHEAD * _DAY_US
    spans = union(
        (start_us, end_us) for hours in quiet for _, start_us, end_us in hours_between(hours, zone, at_us, last_us)
    )
    return next((end_us for start_us, end_us in spans if start_us <= at_us < end_us), None)
