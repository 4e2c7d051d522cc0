"""The bounds of two clocks' offset, whatever the delays are."""

from hypothesis import given
from hypothesis import strategies as st

from raypp.wire.clock_offset import ClockOffset, ClockSamples, one_way_us

_S = 1_000_000
_T0 = 1_790_000_000 * _S
_DELAYS = st.integers(0, 100 * _S)
_OFFSETS = st.integers(-86_400 * _S, 86_400 * _S)


def _exchange(offset_us, there_us, held_us, back_us, at_us=_T0):
    received_us = at_us + offset_us + there_us
    answered_us = received_us + held_us
    return ClockOffset.of_exchange(at_us, received_us, answered_us, answered_us - offset_us + back_us)


@given(_OFFSETS, _DELAYS, _DELAYS, _DELAYS)
def test_the_offset_lies_within_half_the_round_trip_whatever_waits(offset_us, there_us, held_us, back_us):
    shown = _exchange(offset_us, there_us, held_us, back_us)
    assert abs(shown.offset_us - offset_us) <= shown.error_us
    assert 2 * shown.error_us - 1 <= there_us + back_us <= 2 * shown.error_us
    assert abs(shown.certain_us) <= abs(offset_us)
    assert shown.certain_us * offset_us >= 0


@given(_OFFSETS, st.integers(0, 60 * _S))
def test_one_way_a_clock_ahead_is_known_and_one_behind_is_not_within_the_longest_wait(offset_us, wait_us):
    certain_us = one_way_us(_T0, _T0 + offset_us + wait_us)
    assert abs(certain_us) <= abs(offset_us)
    assert certain_us * offset_us >= 0
    assert one_way_us(_T0, _T0 - 7 * _S) == -7 * _S
    assert one_way_us(_T0, _T0 + 7 * _S) == 0
    assert one_way_us(_T0, _T0 + 3600 * _S) == 3540 * _S


@given(_OFFSETS, st.lists(st.tuples(_DELAYS, _DELAYS, _DELAYS), min_size=1, max_size=8))
def test_of_several_samples_the_one_of_the_shortest_round_trip_counts(offset_us, delays):
    samples = ClockSamples()
    for there_us, held_us, back_us in delays:
        samples.take(_exchange(offset_us, there_us, held_us, back_us))
    least_us = min(there_us + back_us for there_us, _, back_us in delays)
    assert samples.best.error_us == (least_us + 1) // 2


def test_a_sample_of_a_clock_that_was_set_since_counts_no_more():
    samples = ClockSamples()
    samples.take(_exchange(7 * _S, 1000, 0, 1000))
    samples.take(_exchange(0, 2 * _S, 0, 2 * _S))
    assert samples.best.error_us == 2 * _S
    assert samples.best.certain_us == 0


def test_a_slow_sample_that_agrees_leaves_the_quick_one():
    samples = ClockSamples()
    samples.take(_exchange(7 * _S, 1000, 0, 1000))
    for _ in range(7):
        samples.take(_exchange(7 * _S, 9 * _S, 0, 1000))
    assert samples.best.error_us == 1000
    samples.take(_exchange(7 * _S, 9 * _S, 0, 1000))
    assert samples.best.error_us > _S, "the ninth sample takes the place of the first"


def test_times_that_cannot_be_show_nothing():
    samples = ClockSamples()
    samples.take(ClockOffset.of_exchange(_T0, _T0, _T0 + 5 * _S, _T0 + _S))
    assert samples.best is None
