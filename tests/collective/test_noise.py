"""Noise of differential privacy: of the promised distribution, exactly, and never twice the same."""

import numpy as np
import pytest
from scipy.stats import chisquare

from raypp.collective.noise import MOST_DEVIATION, NoiseSource


@pytest.mark.parametrize("deviation", [1, 3])
def test_each_value_comes_as_often_as_the_distribution_says(deviation: int) -> None:
    count, reach = 200_000, 4 * deviation
    drawn = NoiseSource().gaussian(deviation, count)
    values = np.arange(-reach, reach + 1)
    chances = np.exp(-(np.arange(-99, 100) ** 2) / (2 * deviation**2))
    expected = np.exp(-(values**2) / (2 * deviation**2)) / chances.sum()
    seen = np.array([np.count_nonzero(drawn == value) for value in values])
    rest = count - seen.sum()
    assert chisquare([*seen, rest], [*(expected * count), (1 - expected.sum()) * count]).pvalue > 1e-6
    wrong = np.roll(expected, 1) * count
    assert chisquare(seen, wrong / wrong.sum() * seen.sum()).pvalue < 1e-6, "the test sees a shifted distribution"


def test_large_noise_has_the_variance_and_tails_of_a_gaussian() -> None:
    for deviation in (1 << 20, MOST_DEVIATION):
        drawn = NoiseSource().gaussian(deviation, 100_000) / deviation
        assert drawn.var() == pytest.approx(1, abs=0.03)
        assert abs(drawn.mean()) < 0.02
        assert (drawn**4).mean() == pytest.approx(3, abs=0.15)
        assert 4 < np.abs(drawn).max() < 7


def test_no_two_sources_and_no_two_draws_are_alike() -> None:
    source, other = NoiseSource(), NoiseSource()
    first, second, third = (each.gaussian(1 << 20, 1000) for each in (source, source, other))
    for left, right in ((first, second), (first, third)):
        assert np.count_nonzero(left == right) < 10
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.2


def test_whole_numbers_below_a_limit_are_equally_likely() -> None:
    for limit in (1, 3, 10):
        counts = np.bincount(NoiseSource().below(limit, 50_000), minlength=limit)
        assert len(counts) == limit
        assert limit == 1 or chisquare(counts).pvalue > 1e-6
    assert NoiseSource().below(1 << 62, 1000).max() > 1 << 61
