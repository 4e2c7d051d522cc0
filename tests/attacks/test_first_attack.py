"""The first attacks open a weak veil, so they can fail; and they do not open the default."""

import numpy as np
import pytest

from tests.attacks import settings, videos
from tests.attacks.attack import attack
from tests.data import shared_data

VICTIM = "one-by-one-person-detection.mp4"


@pytest.fixture(scope="module")
def loaded() -> dict[str, videos.Frames]:
    return videos.load(shared_data("videos"))


def test_a_linear_veil_is_opened_by_one_known_image(loaded: dict[str, videos.Frames]) -> None:
    result, _ = attack(settings.linear("control", 8, band_limited=False), loaded, [VICTIM])
    assert result.view_luma > 0.9
    assert result.by_one.gain_db > 10
    assert result.by_one.detail > 0.7
    assert result.by_one.edges > 0.4


def test_the_default_is_near_the_blind_baseline_from_six_known_images(loaded: dict[str, videos.Frames]) -> None:
    few = {name: frames[:2, :, ::2] for name, frames in loaded.items()}
    few = {name: np.ascontiguousarray(frames[:, :, :320]) for name, frames in few.items()}
    result, _ = attack(settings.of_spec("default"), few, [VICTIM])
    for leak in (result.by_one, result.six, result.honest):
        assert leak.gain_db < 1
        assert leak.detail < 0.15
        assert leak.edges < 0.1
