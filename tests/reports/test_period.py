from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.errors import OptionError
from raypp.reports.period import SECOND_US, Period, day, read_period, to_us
from raypp.reports.ticks import make_ticks
from raypp.usage.shifts import local

BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
HOUR_US = 3600 * SECOND_US
NOW_US = to_us(datetime(2026, 3, 2, 15, 30, tzinfo=BERLIN), BERLIN)


def test_a_day_means_the_whole_of_it():
    assert read_period("2026-03-02", None, BERLIN, NOW_US) == day(date(2026, 3, 2), BERLIN)
    assert read_period("today", None, BERLIN, NOW_US) == day(date(2026, 3, 2), BERLIN)
    assert read_period(None, "Yesterday", BERLIN, NOW_US) == day(date(2026, 3, 1), BERLIN)


def test_to_includes_the_day_it_names():
    period = read_period("2026-03-01", "2026-03-03", BERLIN, NOW_US)
    assert period == Period(to_us(date(2026, 3, 1), BERLIN), to_us(date(2026, 3, 4), BERLIN))


def test_a_moment_is_on_the_sites_clocks_unless_it_names_a_zone():
    period = read_period("2026-03-02T06:00", "2026-03-02T06:00:00Z", BERLIN, NOW_US)
    assert period is not None
    assert period.length_us == HOUR_US


def test_a_moment_alone_reaches_up_to_now():
    assert read_period("2026-03-02T14:30", None, BERLIN, NOW_US) == Period(NOW_US - HOUR_US, NOW_US)


def test_nothing_given_is_left_to_the_caller():
    assert read_period(None, None, BERLIN, NOW_US) is None


@pytest.mark.parametrize("text", ["tomorrow-ish", "2026-13-01", "0001-01-01", "9999-12-31", "12", "2026-03-02T25:00"])
def test_what_is_no_time_is_refused_by_name(text):
    with pytest.raises(OptionError, match=f"`from_` '{text}'"):
        read_period(text, None, BERLIN, NOW_US)


def test_an_end_before_the_start_is_refused():
    with pytest.raises(OptionError, match="`to` 2026-03-01 is not after `from_` 2026-03-02"):
        read_period("2026-03-02", "2026-03-01", BERLIN, NOW_US)


def test_a_day_on_which_clocks_change_has_23_or_25_hours():
    assert day(date(2026, 3, 29), BERLIN).length_us == 23 * HOUR_US
    assert day(date(2026, 10, 25), BERLIN).length_us == 25 * HOUR_US


def test_a_period_ends_where_the_present_does():
    assert Period(10, 20).until(15) == Period(10, 15)
    assert Period(10, 20).until(5) == Period(10, 10)


def labels(period, zone):
    return [tick.label for tick in make_ticks(period, zone)]


def test_ticks_of_a_shift_are_full_hours_of_the_site():
    start = to_us(datetime(2026, 3, 2, 5, 45, tzinfo=KATHMANDU), KATHMANDU)
    assert labels(Period(start, start + 8 * HOUR_US), KATHMANDU) == [f"{hour:02}:00" for hour in range(6, 14)]


def test_ticks_of_seconds_name_the_second():
    start = to_us(datetime(2026, 3, 2, 6, 0, 3, tzinfo=BERLIN), BERLIN)
    assert labels(Period(start, start + 40 * SECOND_US), BERLIN)[:2] == ["06:00:05", "06:00:10"]


def test_ticks_stay_on_full_hours_when_clocks_change():
    assert labels(day(date(2026, 3, 29), BERLIN), BERLIN) == [
        *("29 Mar", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "30 Mar")
    ]


@given(st.integers(0, 2_000_000_000), st.integers(1, 400 * 86_400), st.sampled_from([BERLIN, KATHMANDU]))
def test_ticks_lie_within_and_are_few_and_in_order(start_s, length_s, zone):
    period = Period(start_s * SECOND_US, (start_s + length_s) * SECOND_US)
    at = [tick.at_us for tick in make_ticks(period, zone, 10)]
    assert at == sorted(set(at))
    assert len(at) <= 13
    assert all(period.from_us <= moment_us <= period.to_us for moment_us in at)
    assert all(local(moment_us, zone).microsecond == 0 for moment_us in at)
