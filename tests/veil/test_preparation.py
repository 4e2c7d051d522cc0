"""Preparation: light becomes even and noise less, the same each time, and nothing but the content changes."""

import numpy as np
import pytest
from pydantic import ValidationError

from raypp.veil.preparation import Preparation


def _shaded(noise: float) -> np.ndarray:
    """A window of 160x120 pixels of content, darker to the right, with dark squares on it."""
    generator = np.random.default_rng(0)
    window = np.full((128, 160, 3), 114, dtype=np.uint8)
    light = np.linspace(220, 90, 160)[None].repeat(120, axis=0)
    for left in range(10, 150, 30):
        light[40:52, left : left + 12] *= 0.5
    window[:120] = (light + generator.normal(0, noise, light.shape)).clip(0, 255)[..., None]
    return window


def test_light_becomes_even_and_objects_stay():
    flat = Preparation(flatten=True).apply(_shaded(0), 160, 120)
    background = flat[5:20, 5:155, 0].astype(float)
    assert background.max() - background.min() < 30, "130 before"
    objects = [flat[44:48, left + 4 : left + 8, 0].mean() for left in range(10, 150, 30)]
    assert max(objects) < 0.65 * background.mean()


def test_noise_becomes_less_and_edges_stay():
    noisy = _shaded(6)
    quiet = Preparation(denoise=8).apply(noisy, 160, 120)
    assert np.diff(quiet[5:20, :, 0].astype(float)).std() < 0.4 * np.diff(noisy[5:20, :, 0].astype(float)).std()
    assert quiet[46, 16, 0] < 0.65 * quiet[30, 16, 0]


def test_padding_stays_and_the_result_is_the_same_each_time():
    window = _shaded(4)
    preparation = Preparation(flatten=True, denoise=5)
    first = preparation.apply(window, 160, 120)
    assert (first == preparation.apply(window, 160, 120)).all()
    assert (first[120:] == 114).all()
    assert (window == _shaded(4)).all(), "the frame is as it was"


def test_a_preparation_of_nothing_is_false_and_a_strength_has_limits():
    assert not Preparation()
    assert Preparation(denoise=1)
    with pytest.raises(ValidationError):
        Preparation(denoise=31)
