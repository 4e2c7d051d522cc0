"""Updates as whole numbers: sums are exact, means are right, and what came apart is refused."""

import time
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.collective.masks import MaskKey, hide, mask, pair_masks
from raypp.collective.ring import UpdateRing
from raypp.errors import CollectiveError


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 15), st.integers(0, 2**32), st.sampled_from([0.01, 1.0, 30.0]))
def test_the_mean_of_updates_is_that_by_frames(sites: int, seed: int, clip: float) -> None:
    chance = np.random.default_rng(seed)
    ring = UpdateRing(clip, sites, 1000)
    frames = chance.integers(100, 1001, sites)
    updates = [chance.uniform(-clip, clip, 50).astype(np.float32) for _ in range(sites)]
    total = reduce(np.add, (ring.encode(*pair) for pair in zip(updates, map(int, frames), strict=True)))
    mean, counted = ring.decode(total)
    assert counted == frames.sum()
    expected = np.average(np.stack(updates).astype(np.float64), axis=0, weights=frames)
    assert np.abs(mean - expected).max() <= clip * 1e-6


def test_the_largest_updates_of_all_sites_do_not_overflow() -> None:
    ring = UpdateRing(0.5, 15, 100_000)
    for sign in (1, -1):
        update = np.full(3, sign * 0.5, dtype=np.float32)
        mean, frames = ring.decode(reduce(np.add, [ring.encode(update, 10**9)] * 15))
        assert frames == 15 * 100_000
        assert np.allclose(mean, sign * 0.5, atol=1e-6)


def test_an_update_that_came_apart_is_refused_and_a_few_large_values_are_cut() -> None:
    ring = UpdateRing(1.0, 3, 100)
    update = np.zeros(1000, dtype=np.float32)
    update[0] = 7
    mean, _ = ring.decode(ring.encode(update, 100))
    assert mean[0] == pytest.approx(1)
    update[:20] = -3
    with pytest.raises(CollectiveError, match="2% of the update is beyond the plan's clip of 1"):
        ring.encode(update, 100)
    update[:] = 0
    update[5] = np.nan
    with pytest.raises(CollectiveError, match="not a number; this site drops out"):
        ring.encode(update, 100)
    with pytest.raises(CollectiveError, match="no number of frames"):
        ring.decode(np.zeros(4, dtype=np.uint32))


def test_masks_are_of_one_attempt_and_vanish_between_two() -> None:
    left, right = MaskKey.draw(), MaskKey.draw()
    first = pair_masks("a", left, {"b": right.public}, b"1", 100)
    second = pair_masks("b", right, {"a": left.public}, b"1", 100)
    assert not (first + second).any()
    assert first.any()
    assert (first != pair_masks("a", left, {"b": right.public}, b"2", 100)).any()
    assert "secret" in repr(left)
    with pytest.raises(CollectiveError, match="public key of a round is none"):
        left.agreed(bytes(32), b"")


def test_masks_of_a_whole_detector_take_less_than_half_a_second() -> None:
    size, keys = 3_000_001, {name: MaskKey.draw() for name in "abcd"}
    publics = {name: key.public for name, key in keys.items() if name != "a"}
    vector = np.zeros(size, dtype=np.uint32)
    spent = time.process_time()
    hidden = hide(vector, bytes(32), pair_masks("a", keys["a"], publics, b"1", size))
    hidden -= mask(bytes(32), size)
    assert time.process_time() - spent < 0.5
    assert hidden.nbytes <= 1.1 * 4 * 3_000_000
