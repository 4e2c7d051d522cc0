"""Changes of units as whole numbers: clipped, and with the promised noise in the opened sum, whoever drops out."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.collective.noise import NoiseSource
from raypp.collective.round import Phase
from raypp.errors import CollectiveError
from tests.collective.private import options, ring
from tests.collective.sites import Owners, carry_out

SIZE = 20_000


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(-8, 8), st.integers(1, 400), st.sampled_from([0.01, 0.1, 30.0]))
def test_no_unit_is_longer_than_the_radius_and_short_ones_stay_as_they_are(seed, power, size, clip) -> None:
    private = ring(clip=clip)
    change = np.random.default_rng(seed).normal(size=size) * 10**power
    whole = private.clipped(change)
    length = sum(int(value) ** 2 for value in whole.tolist())
    assert length <= private.radius**2
    if np.linalg.norm(change) <= clip:
        assert np.abs(whole * (clip / private.radius) - change).max() <= 1.001 * clip / private.radius
    else:
        assert length > (0.999 * private.radius - size) ** 2, "it is clipped, not dropped"


def test_two_neighbouring_sites_differ_by_the_radius_at_most() -> None:
    private, chance = ring(), np.random.default_rng(1)
    units = [chance.normal(size=300) * 10.0 ** float(chance.integers(-3, 5)) for _ in range(40)]
    whole = sum(private.clipped(unit) for unit in units)
    for left_out in range(40):
        without = sum(private.clipped(unit) for number, unit in enumerate(units) if number != left_out)
        assert np.linalg.norm((whole - without).astype(np.float64)) <= private.radius
    assert np.linalg.norm(sum(units) - sum(units[1:])) > 0


def test_a_change_that_is_no_number_counts_for_nothing() -> None:
    for bad in (np.nan, np.inf, 1e200):
        change = np.ones(5)
        change[2] = bad
        assert not ring().clipped(change).any()


@pytest.mark.parametrize(
    ("sites", "lost"),
    [(4, {}), (4, {Phase.VECTORS: ["plant-4"]}), (5, {Phase.KEYS: ["plant-1"], Phase.ROLL: ["plant-2"]})],
)
def test_the_opened_sum_has_the_promised_noise_though_sites_drop_out(sites: int, lost) -> None:
    owners = Owners(sites, dp=options(), threshold=3)
    private = owners.plan.ring()
    changes = {site: private.clipped(np.full(SIZE, 0.001 * number)) for number, site in enumerate(owners.plan.sites)}
    vectors = {site: private.encode(change, NoiseSource()) for site, change in changes.items()}
    attempt = owners.attempt(SIZE + 1)
    carry_out(attempt, owners.members(attempt), vectors, lost)
    assert attempt.phase is Phase.OPENED
    total = attempt.open()
    plain = reduce(np.add, (changes[site] for site in attempt.summed))
    noise = total[:-1].astype(np.int32).astype(np.int64) - plain
    promised = options().noise * private.radius
    known = private.deviation**2  # of a site that subtracts its own
    variance = noise.astype(np.float64).var()
    assert variance == pytest.approx(len(attempt.summed) * private.deviation**2, rel=0.05)
    assert variance - known > 0.95 * promised**2
    mean, counted = private.decode(total)
    assert counted == len(attempt.summed)
    assert mean.std() == pytest.approx(np.sqrt(variance) / private.radius * 0.1 / (counted * 40), rel=0.05)


def test_a_site_without_noise_would_be_seen() -> None:
    private = ring()
    quiet = np.zeros(SIZE)
    noised = private.encode(private.clipped(quiet), NoiseSource())[:-1].astype(np.int32)
    assert noised.astype(np.float64).std() == pytest.approx(private.deviation, rel=0.05)
    assert private.deviation >= private.options.noise * private.radius / np.sqrt(2)
    assert private.own_deviation >= private.options.noise * private.radius


@pytest.mark.parametrize("fields", [{}, {"noise": 300.0}, {"units": 5000}, {"noise": 0.5, "units": 1}])
def test_the_largest_sum_with_its_noise_does_not_overflow(fields) -> None:
    private = ring(sites=4, needed=4, **fields)
    assert not private.fault()
    change = np.zeros(2000)
    change[0] = 1e9
    own = private.clipped(change) * private.options.units
    total = reduce(np.add, (private.encode(own, NoiseSource()) for _ in range(4)))
    whole = total[:-1].astype(np.int32).astype(np.float64)
    limit = 4 * private.options.units * private.radius
    assert abs(whole[0] - limit) < 8 * 2 * private.deviation + 4 * private.options.units
    assert np.abs(whole[1:]).max() < 8 * 2 * private.deviation


def test_noise_that_leaves_no_room_is_refused() -> None:
    for fields in ({"noise": 1e6}, {"units": 1_000_000, "noise": 1.0}):
        assert "leave no room for a unit in 32 bits; have a larger epsilon" in ring(**fields).fault()
    with pytest.raises(CollectiveError, match="no number of sites"):
        ring().decode(np.full(4, 9, dtype=np.uint32))
