"""Shifts over midnight, over changes of the clocks, and on some days only."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local, shifts_between

_BERLIN = ZoneInfo("Europe/Berlin")
_NIGHT = "{name: night, start: 22:00, end: 6:00}"


def _us(text: str) -> int:
    """Microseconds of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def _found(shifts: str, start: str, end: str, zone: ZoneInfo = _BERLIN) -> list[tuple[str, str, str, str, float]]:
    """Shifts with local start and end, and hours."""
    rules = SiteSettings.parse(f"shifts: [{shifts}]", "test").shifts
    return [
        (
            shift.name,
            shift.day.isoformat(),
            f"{local(shift.start_us, zone):%d %H:%M}",
            f"{local(shift.end_us, zone):%d %H:%M}",
            (shift.end_us - shift.start_us) / 3.6e9,
        )
        for shift in shifts_between(rules, zone, _us(start), _us(end))
    ]


def test_a_night_shift_ends_on_the_next_day() -> None:
    assert _found(_NIGHT, "2026-01-10T12:00", "2026-01-11T12:00") == [
        ("night", "2026-01-10", "10 22:00", "11 06:00", 8)
    ]
    assert [row[1] for row in _found(_NIGHT, "2026-01-10T00:00", "2026-01-11T22:00")] == [
        "2026-01-09",
        "2026-01-10",
        "2026-01-11",
    ]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-01", 8)])
def test_clocks_that_change_make_the_night_shorter_or_longer(day: str, hours: float) -> None:
    ((_, name_of_shift, start, end, length),) = _found(_NIGHT, f"{day}T18:00", f"{day}T23:00")
    assert (name_of_shift, start[3:], end[3:], length) == (day, "22:00", "06:00", hours)


def test_a_time_that_is_skipped_is_the_moment_of_the_change() -> None:
    shifts = "{name: a, start: 01:00, end: 02:30}, {name: b, start: 02:30, end: 04:00}"
    assert _found(shifts, "2026-03-28T22:00", "2026-03-29T12:00") == [
        ("a", "2026-03-29", "29 01:00", "29 03:00", 1),
        ("b", "2026-03-29", "29 03:00", "29 04:00", 1),
    ]


def test_a_time_that_comes_twice_is_the_first() -> None:
    shifts = "{name: a, start: 01:00, end: 02:30}, {name: b, start: 02:30, end: 04:00}"
    shifts_found = _found(shifts, "2026-10-24T22:00", "2026-10-25T12:00")
    assert [(row[0], row[4]) for row in shifts_found] == [("a", 1.5), ("b", 2.5)]


def test_days_are_those_on_which_a_shift_starts() -> None:
    friday = "{name: night, start: 22:00, end: 06:00, days: [fri]}"
    assert [row[1] for row in _found(friday, "2026-01-05T00:00", "2026-01-19T00:00")] == ["2026-01-09", "2026-01-16"]
    assert [row[1] for row in _found(friday, "2026-01-10T02:00", "2026-01-10T03:00")] == ["2026-01-09"]


def test_a_shift_of_a_whole_day_and_an_empty_range() -> None:
    assert _found("{name: day, start: 00:00, end: 00:00}", "2026-01-10T00:00", "2026-01-10T01:00") == [
        ("day", "2026-01-10", "10 00:00", "11 00:00", 24)
    ]
    assert _found(_NIGHT, "2026-01-10T12:00", "2026-01-10T12:00") == []


def test_the_other_side_of_the_world() -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    assert _found("{name: early, start: 06:00, end: 14:00}", "2026-01-09T17:00", "2026-01-10T01:00", auckland) == [
        ("early", "2026-01-10", "10 06:00", "10 14:00", 8)
    ]


@pytest.mark.parametrize(("day", "hours"), [("2026-04-04", 8.5), ("2026-10-03", 7.5)])
def test_clocks_may_change_by_half_an_hour(day: str, hours: float) -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    (night, *_) = _found(_NIGHT, f"{day}T11:30", f"{day}T20:00", lord_howe)
    assert night[1] == day
    assert night[4] == hours
