"""Scores tell an image from the blind baseline."""

from statistics import NormalDist

import numpy as np
import pytest

from raypp.audit.metrics import scores


@pytest.fixture
def frames() -> scores.Frames:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), dtype=np.uint8)


def test_the_image_itself_scores_one_and_a_flat_one_nothing(frames: scores.Frames) -> None:
    flat = np.full_like(frames, 128)
    for score in (scores.detail, scores.edges):
        assert score(frames, frames, 8) == pytest.approx(1)
        assert score(flat, frames, 8) == pytest.approx(0)
        assert np.abs(score(frames[::-1], frames, 8)[[0, 2]]).max() < 0.3
    assert scores.ssim(frames, frames) == pytest.approx(1)
    assert scores.ssim(flat, frames).max() < 0.1
    assert scores.psnr(flat, frames).max() < 12
    assert scores.psnr(frames, frames).min() > 90


def test_what_a_cell_is_like_as_a_whole_does_not_count(frames: scores.Frames) -> None:
    shifted = np.clip(frames.astype(int) // 2 + 40, 0, 255).astype(np.uint8)
    assert scores.detail(shifted, frames, 8).min() > 0.99
    cells = frames.reshape(3, 4, 8, 6, 8, 3).mean(axis=(2, 4), keepdims=True)
    means = np.broadcast_to(cells, (3, 4, 8, 6, 8, 3)).reshape(frames.shape).astype(np.uint8)
    assert np.abs(scores.detail(means, frames, 8)).max() < 1e-6


def test_a_image_without_texture_counts_for_nothing(frames: scores.Frames) -> None:
    frames[1] = 128
    values = scores.detail(frames, frames, 8)
    assert np.isnan(values[1])
    kept = scores.estimate(values)
    assert kept is not None
    assert kept.mean == pytest.approx(1)
    assert scores.estimate(values[1:2]) is None


def test_leakage_is_between_the_baseline_and_the_image() -> None:
    assert scores.leakage(np.array([0.2, 0.6, 1.0]), np.array([0.2, 0.2, 0.2])) == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize(
    ("hits", "low", "high"), [(0, 0.0, 0.194), (1, 0.011, 0.283), (8, 0.280, 0.720), (16, 0.806, 1.0)]
)
def test_a_share_is_never_surer_than_its_images_allow(hits: int, low: float, high: float) -> None:
    share = scores.share_estimate(np.arange(16) < hits)
    assert (share.mean, share.low, share.high) == (
        hits / 16,
        pytest.approx(low, abs=6e-4),
        pytest.approx(high, abs=6e-4),
    )


def test_an_estimate_says_how_sure_it_is_and_what_the_worst_are_like() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 100)
    mean = scores.estimate(values)
    assert mean is not None
    assert mean.low < mean.mean < mean.high
    assert mean.high - mean.low == pytest.approx(4 * 0.1 / 10, rel=0.3)
    assert mean.worst == pytest.approx(np.sort(values)[-5:].mean())


def test_the_area_under_the_curve_counts_pairs_in_order() -> None:
    chance = np.random.default_rng(3)
    so, not_so = np.round(chance.normal(0.7, 1, 40), 1), np.round(chance.normal(0, 1, 60), 1)
    pairs = (so[:, None] > not_so).mean() + (so[:, None] == not_so).mean() / 2
    got = scores.auc(so, not_so)
    assert got.mean == pytest.approx(pairs)
    assert got.low < got.mean < got.high
    assert scores.auc(-so, -not_so).mean == pytest.approx(1 - pairs)
    assert scores.auc(so, so).mean == pytest.approx(0.5)


@pytest.mark.parametrize(("apart", "count"), [(0.0, 60), (1.0, 60), (2.5, 12)])
def test_its_interval_holds_the_true_area_in_nineteen_of_twenty_draws(apart: float, count: int) -> None:
    chance = np.random.default_rng(0)
    true = NormalDist().cdf(apart / 2**0.5)
    drawn = [scores.auc(chance.normal(apart, 1, count), chance.normal(0, 1, count)) for _ in range(200)]
    assert np.mean([interval.low <= true <= interval.high for interval in drawn]) > 0.91


def test_where_all_are_told_apart_the_interval_still_has_a_width() -> None:
    got = scores.auc(np.arange(10.0, 15.0), np.arange(5.0))
    assert (got.mean, got.worst) == (1, 1)
    assert 0.5 < got.low < 0.9
    assert got.high == pytest.approx(1)
    assert scores.auc(np.arange(100.0, 200.0), np.arange(100.0)).low > 0.95
