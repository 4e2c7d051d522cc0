"""Columns of moments as local time: what each alone would be."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.usage.local_times import LocalTimes
from raypp.usage.shifts import local

ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Monrovia", "Asia/Kathmandu", "Africa/Casablanca")
HOUR = 3_600_000_000
CHANGES = (1_774_746_000_000_000, 1_792_890_000_000_000, 63_593_070_000_000)
"""Berlin's clocks go forward, and back; Monrovia leaves an offset of minutes and seconds."""
moments = st.one_of(
    st.integers(-(2**54), 2**57),
    st.integers(0, 2_000_000_000).map(lambda second: second * 1_000_000),
    st.tuples(st.sampled_from(CHANGES), st.integers(-30 * HOUR, 30 * HOUR)).map(sum),
)


@pytest.mark.parametrize("zone", [ZoneInfo(name) for name in ZONES], ids=str)
@settings(deadline=None)  # the first call lists all times of a day
@given(times=st.lists(moments, max_size=20))
def test_texts_are_those_of_each_moment(zone: ZoneInfo, times: list[int]) -> None:
    column = LocalTimes(np.array(times, np.int64), zone)
    alone = [local(at_us, zone) for at_us in times]
    assert column.iso() == [at.isoformat() for at in alone]
    assert column.days() == [f"{at:%Y-%m-%d}" for at in alone]
    assert column.clocks() == [f"{at:%H:%M:%S}" for at in alone]
