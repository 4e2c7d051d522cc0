"""Waits grow to the longest, begin anew after a success, and are spread where that is asked for."""

import pytest

from raypp.io.backoff import Backoff


def test_waits_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(1.0, 5.0)
    assert [backoff.wait_s() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.wait_s() == 1


def test_after_many_failures_a_wait_is_still_the_longest() -> None:
    backoff = Backoff(0.25, 30.0)
    assert [backoff.wait_s() for _ in range(2000)][-1] == 30


@pytest.mark.parametrize("failures", [0, 1, 10])
def test_a_spread_wait_lies_between_its_half_and_its_whole(failures: int) -> None:
    drawn = []
    for _ in range(200):
        backoff = Backoff(1.0, 8.0, jitter=True)
        for _ in range(failures):
            backoff.wait_s()
        drawn.append(backoff.wait_s())
    whole = min(8.0, 2.0**failures)
    assert whole / 2 <= min(drawn) < 0.6 * whole
    assert 0.9 * whole < max(drawn) <= whole
