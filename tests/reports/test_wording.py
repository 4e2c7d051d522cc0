import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.reports.wording import duration, percentage
from raypp.text.wording import counted


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (4.24, "4.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
        (86_399, "1 d 00 h"),
        (3 * 86_400 + 4 * 3600, "3 d 04 h"),
    ],
)
def test_durations_read_as_people_say_them(seconds, words):
    assert duration(seconds * 1e6) == words


@given(st.floats(0, 1))
def test_little_never_reads_as_nothing_and_much_never_as_all(part):
    assert (percentage(part) == "0 %") == (part == 0)
    assert (percentage(part) == "100 %") == (part == 1)


def test_shares_and_counts():
    assert [percentage(None), percentage(0.004), percentage(0.5), percentage(0.996)] == ["-", "< 1 %", "50 %", "> 99 %"]
    assert [counted(1, "use"), counted(0, "use"), counted(12_000, "use")] == ["1 use", "0 uses", "12,000 uses"]
