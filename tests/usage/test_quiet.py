"""Quiet hours end when local clocks say so, whatever is done to the clocks that night."""

import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from raypp.errors import SettingsError
from raypp.usage.quiet import QuietHours, quiet_until
from raypp.usage.rules import Day, LocalHours
from raypp.usage.settings import SiteSettings

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = (LocalHours(start=time(22), end=time(6)),)
WEEKEND = (*NIGHT, LocalHours(start=time(0), end=time(0), days=(Day.SATURDAY, Day.SUNDAY)))


def _us(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000


def _until(quiet: tuple[LocalHours, ...], *moment: int, fold: int = 0) -> str | None:
    """The end of quiet hours at a time of the clocks in Berlin, in UTC."""
    end_us = quiet_until(quiet, BERLIN, _us(datetime(*moment, fold=fold, tzinfo=BERLIN)))
    return None if end_us is None else datetime.fromtimestamp(end_us / 1e6, UTC).strftime("%m-%d %H:%M")


def test_a_night_ends_in_the_morning_and_its_end_is_not_quiet():
    assert _until(NIGHT, 2026, 6, 1, 21, 59, 59) is None
    assert _until(NIGHT, 2026, 6, 1, 22, 0) == "06-02 04:00"
    assert _until(NIGHT, 2026, 6, 2, 5, 59, 59) == "06-02 04:00"
    assert _until(NIGHT, 2026, 6, 2, 6, 0) is None


def test_hours_that_meet_are_one():
    assert _until(WEEKEND, 2026, 6, 5, 23, 0) == "06-08 04:00"  # from Friday's evening to Monday's morning
    assert _until(WEEKEND, 2026, 6, 7, 12, 0) == "06-08 04:00"
    assert _until(WEEKEND, 2026, 6, 5, 12, 0) is None


def test_nights_in_which_clocks_change_end_when_the_clock_on_the_wall_says_so():
    assert _until(NIGHT, 2026, 3, 28, 23, 0) == "03-29 04:00"  # seven hours
    assert _until(NIGHT, 2026, 10, 24, 23, 0) == "10-25 05:00"  # nine
    assert _until(NIGHT, 2026, 10, 25, 2, 30) == "10-25 05:00"
    assert _until(NIGHT, 2026, 10, 25, 2, 30, fold=1) == "10-25 05:00"
    until_half_past = (LocalHours(start=time(22), end=time(2, 30)),)
    assert _until(until_half_past, 2026, 3, 28, 23, 0) == "03-29 01:00"  # half past two does not come
    assert _until(until_half_past, 2026, 10, 24, 23, 0) == "10-25 00:30"  # it comes twice: the first
    only_then = (LocalHours(start=time(2, 30), end=time(2, 15)),)  # all but a quarter of an hour that is skipped
    assert _until(only_then, 2026, 3, 28, 12, 0) == "03-30 00:15"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(3, 23), st.integers(3, 23), st.sets(st.sampled_from(Day), min_size=1)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 14 * 24),
)
def test_the_end_is_the_first_hour_at_which_no_clock_says_quiet(given_hours, hour):
    """Around both changes of clocks; hours lie between three and midnight, so that none is skipped or comes twice."""
    try:
        quiet = TypeAdapter(QuietHours).validate_python(
            tuple(LocalHours(start=time(start), end=time(end), days=tuple(days)) for start, end, days in given_hours)
        )
    except ValidationError:  # they take the whole week
        reject()

    def is_quiet(moment: datetime) -> bool:
        wall = moment.astimezone(BERLIN)
        today, yesterday = tuple(Day)[wall.weekday()], tuple(Day)[(wall.weekday() - 1) % 7]
        return any(
            (
                today in hours.days
                and hours.start <= wall.time()
                and (wall.time() < hours.end or hours.end <= hours.start)
            )
            or (yesterday in hours.days and hours.end <= hours.start and wall.time() < hours.end)
            for hours in quiet
        )

    for begin in (datetime(2026, 3, 22, tzinfo=UTC), datetime(2026, 10, 18, tzinfo=UTC)):
        moment = begin + timedelta(hours=hour)
        end = moment
        while is_quiet(end):
            end += timedelta(hours=1)
        until_us = quiet_until(quiet, BERLIN, _us(moment))
        assert until_us == (None if end == moment else _us(end))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("quiet: [{start: 22:00, end: 25:00}]", "is no time of day"),
        ("quiet: [{start: 22:00}]", "end is missing"),
        ("quiet: [{start: 00:00, end: 00:00}]", "takes the whole week"),
        ("quiet: [{start: 06:00, end: 18:00}, {start: 17:00, end: 07:00}]", "takes the whole week"),
        ("quiet: [{start: 22:00, end: 06:00, days: [sat, sat]}]", "a day stands twice"),
        ("quiet: [{start: 22:00, end: 06:00, until: 3}]", "until is not known"),
        ("when_quiet: drop", "`when_quiet` belongs to `quiet`"),
        ("quiet_zone: Europe/Berlin", "`quiet_zone` belongs to `quiet`"),
        ("quiet: [{start: 22:00, end: 06:00}], quiet_zone: Berlin", "is no IANA time zone"),
        ("quiet: [{start: 22:00, end: 06:00}], when_quiet: delete", "when_quiet must be"),
    ],
)
def test_quiet_hours_that_cannot_be_are_refused_in_one_line(more: str, words: str):
    rule = f"{{name: a, when: episode_opened, to: [x], {more}}}"
    with pytest.raises(SettingsError) as refusal:
        SiteSettings.parse(f"alerts: [{rule}]", "settings")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_quiet_hours_change_nothing_of_how_frames_are_folded():
    plain = SiteSettings.parse("alerts: [{name: a, when: episode_opened, to: [x]}]", "settings")
    quiet = "alerts: [{name: a, when: episode_opened, to: [x], quiet: [{start: 22:00, end: 06:00}]}]"
    assert SiteSettings.parse(quiet, "settings").settings_id == plain.settings_id


def test_the_example_of_the_reference_lets_friday_night_wait_until_monday_morning():
    page = (Path(__file__).parents[2] / "docs/reference/alert-rules.md").read_text()
    (example,) = re.findall(r"## Quiet hours\n\n```yaml\n(.*?)```", page, re.DOTALL)
    saw, bench = SiteSettings.parse(example, "settings").alerts
    friday = datetime(2026, 6, 5, 20, 0, tzinfo=BERLIN)
    assert saw.in_zone("Europe/Berlin").quiet_until(_us(friday)) == _us(datetime(2026, 6, 8, 6, 0, tzinfo=BERLIN))
    assert bench.in_zone("Europe/Berlin").quiet_until(_us(friday)) is None
