"""Times rise whatever the container gives, and nothing is lost on the way."""

from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.media.timeline import DecodeReport, checked, mended, sorted_times


@settings(max_examples=200)
@given(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9)), max_size=60), st.integers(1, 10**6))
def test_mended_times_rise_and_keep_every_frame(times: list[int | None], interval_us: int) -> None:
    out = list(mended(enumerate(times), interval_us))
    assert [frame for frame, _ in out] == list(range(len(times)))
    mended_times = [time for _, time in out]
    assert mended_times == sorted(set(mended_times))


@settings(max_examples=100)
@given(st.lists(st.integers(0, 10**6), min_size=1, unique=True, max_size=60))
def test_rising_times_pass_unchanged(times: list[int]) -> None:
    rising = list(enumerate(sorted(times)))
    assert list(mended(rising, 40_000)) == rising
    assert list(checked(rising, DecodeReport())) == rising
    assert list(sorted_times(rising)) == rising


@settings(max_examples=100)
@given(st.lists(st.permutations(range(4)), min_size=1, max_size=20))
def test_times_in_coded_order_are_put_in_the_order_shown(groups: list[list[int]]) -> None:
    coded = [4 * number + offset for number, group in enumerate(groups) for offset in group]
    assert list(sorted_times(enumerate(coded))) == list(enumerate(range(len(coded))))


def test_a_clock_set_back_goes_on_where_it_was() -> None:
    times = [0, 40, 80, 120, 0, 40, 80]
    out = [time for _, time in mended([(None, 1000 * 1000 * time) for time in times], 40_000_000)]
    assert out == [1_000_000 * time for time in (0, 40, 80, 120, 160, 200, 240)]


def test_a_repeated_time_of_an_indexed_container_is_left_out_and_counted() -> None:
    report = DecodeReport()
    assert list(checked([("a", 0), ("b", 10), ("c", 10), ("d", 5), ("e", 20)], report)) == [
        ("a", 0), ("b", 10), ("e", 20),
    ]  # fmt: skip
    assert report.damaged == 2
