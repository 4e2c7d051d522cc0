"""The first attacks open a weak veil, so they can fail; and they do not open the default."""

import numpy as np
import pytest

from tests.attacks import decoder, films, scores, settings
from tests.attacks.attack import attack
from tests.data import shared_data

VICTIM = "one-by-one-person-detection.mp4"


@pytest.fixture(scope="module")
def loaded() -> dict[str, films.Frames]:
    return films.load(shared_data("videos"))


def test_a_linear_veil_is_opened_by_one_known_picture(loaded: dict[str, films.Frames]) -> None:
    result, _ = attack(settings.linear("control", 8, band_limited=False), loaded, [VICTIM])
    assert result.view_luma > 0.9
    assert result.one.gain_db > 10
    assert result.one.detail > 0.7
    assert result.one.edges > 0.4


def test_the_default_is_near_a_blind_guess_from_six_known_pictures(loaded: dict[str, films.Frames]) -> None:
    few = {name: frames[:2, :, ::2] for name, frames in loaded.items()}
    few = {name: np.ascontiguousarray(frames[:, :, :320]) for name, frames in few.items()}
    result, _ = attack(settings.of_spec("default"), few, [VICTIM])
    for leak in (result.one, result.six, result.honest):
        assert leak.gain_db < 1
        assert leak.detail < 0.15
        assert leak.edges < 0.1


def test_scores_tell_the_picture_from_a_guess() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), dtype=np.uint8)
    flat = np.full_like(frames, 128)
    for score in (scores.detail, scores.edges):
        assert score(frames, frames, 8) == pytest.approx(1)
        assert score(flat, frames, 8) == 0
        assert abs(score(frames[::-1], frames, 8)) < 0.3
    assert scores.psnr(flat, frames) < 12


def test_neighbourhoods_hold_the_cell_in_the_middle() -> None:
    codes = np.random.default_rng(1).integers(0, 16, (2, 5, 4, 6), dtype=np.uint8)
    around = decoder.neighbourhoods(codes).reshape(2, 4, 6, 9, 5)
    assert np.array_equal(around[:, :, :, 4], codes.transpose(0, 2, 3, 1))
    assert np.array_equal(around[:, 1:, :, 1], codes.transpose(0, 2, 3, 1)[:, :-1])
