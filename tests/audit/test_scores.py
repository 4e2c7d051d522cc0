"""Scores tell a picture from a guess."""

import numpy as np
import pytest

from raypp.audit import scores


@pytest.fixture
def frames() -> scores.Frames:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), dtype=np.uint8)


def test_the_picture_itself_scores_one_and_a_flat_one_nothing(frames: scores.Frames) -> None:
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


def test_a_picture_without_texture_counts_for_nothing(frames: scores.Frames) -> None:
    frames[1] = 128
    found = scores.detail(frames, frames, 8)
    assert np.isnan(found[1])
    kept = scores.estimate(found)
    assert kept is not None
    assert kept.mean == pytest.approx(1)
    assert scores.estimate(found[1:2]) is None


def test_leakage_is_between_the_guess_and_the_picture() -> None:
    assert scores.leakage(np.array([0.2, 0.6, 1.0]), np.array([0.2, 0.2, 0.2])) == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize(
    ("hits", "low", "high"), [(0, 0.0, 0.194), (1, 0.011, 0.283), (8, 0.280, 0.720), (16, 0.806, 1.0)]
)
def test_a_share_is_never_surer_than_its_pictures_allow(hits: int, low: float, high: float) -> None:
    found = scores.share(np.arange(16) < hits)
    assert (found.mean, found.low, found.high) == (
        hits / 16,
        pytest.approx(low, abs=6e-4),
        pytest.approx(high, abs=6e-4),
    )


def test_an_estimate_says_how_sure_it_is_and_what_the_worst_are_like() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 100)
    found = scores.estimate(values)
    assert found is not None
    assert found.low < found.mean < found.high
    assert found.high - found.low == pytest.approx(4 * 0.1 / 10, rel=0.3)
    assert found.worst == pytest.approx(np.sort(values)[-5:].mean())
