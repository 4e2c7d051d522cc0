"""What is attacked besides the veil: shapes, determinism, and what each baseline does to pixels."""

from collections.abc import Callable

import numpy as np
import pytest

from raypp.audit import baselines
from raypp.audit.attacks.cells import pictures as together
from raypp.audit.model import Pictures, Veiling
from raypp.errors import OptionError
from raypp.media.dataset import Box

BOX = Box(0, 0.5, 0.5, 0.25, 0.5)


def shown(count: int = 3, size: tuple[int, int] = (64, 96), seed: int = 0) -> Pictures:
    frames = np.random.default_rng(seed).integers(0, 256, (count, *size, 3), dtype=np.uint8)
    return Pictures(frames, ("one",) * count, ((("hammer", BOX),),) * count)


MAKERS: list[Callable[[], Veiling]] = [
    lambda: baselines.linear_mix(4, 1),
    lambda: baselines.linear_mix(8, 1),
    lambda: baselines.noise(8, 16, 8, 1),
    lambda: baselines.pixelation(8),
    lambda: baselines.pixelation(16),
    lambda: baselines.pixelation(32),
    lambda: baselines.blur(3.0),
    baselines.blackout,
    lambda: baselines.private_pixelation(16, 0.5, seed=1),
]


@pytest.mark.parametrize("make", MAKERS)
def test_codes_have_the_shape_that_is_told_and_depend_on_the_picture_alone(make: Callable[[], Veiling]) -> None:
    veiling, pictures = make(), shown()
    codes = veiling.encode(pictures)
    grid = (64 // veiling.patch, 96 // veiling.patch)
    assert codes.dtype == np.uint8
    assert codes.shape == (3, veiling.channels, *grid)
    assert codes.max() < veiling.levels
    assert np.array_equal(make().encode(pictures), codes)
    assert np.array_equal(veiling.encode(pictures.take([2, 0])), codes[[2, 0]])
    assert veiling.encode(pictures.take([])).shape == (0, veiling.channels, *grid)


@pytest.mark.parametrize("make", [baselines.linear_mix, lambda patch, seed: baselines.noise(patch, 16, 8, seed)])
def test_another_seed_gives_other_codes(make: Callable[[int, int], Veiling]) -> None:
    assert (make(4, 1).encode(shown()) != make(4, 2).encode(shown())).mean() > 0.8


def test_a_linear_mix_is_undone_by_its_matrix() -> None:
    pictures, veiling = shown(), baselines.linear_mix(4, 1)
    units = np.full((48, 4, 4, 3), 128, dtype=np.uint8)
    units.reshape(48, 48)[np.arange(48), np.arange(48)] = 248
    columns = (veiling.encode(Pictures(units, ("one",) * 48, ((),) * 48))[..., 0, 0].astype(float) - 128) / 60
    assert columns @ columns.T == pytest.approx(np.eye(48), abs=0.1)
    mixed = veiling.encode(pictures).transpose(0, 2, 3, 1).astype(float) - 128
    rebuilt = together(mixed * 2 @ np.linalg.inv(columns) + 128, pictures.frames.shape, 4)
    assert np.abs(rebuilt.astype(int) - pictures.frames).mean() < 10


def test_noise_is_even_and_the_same_in_no_two_pictures() -> None:
    codes = baselines.noise(8, 16, 8, 0).encode(shown(2))
    assert np.bincount(codes.ravel(), minlength=8) / codes.size == pytest.approx(1 / 8, abs=0.02)
    assert (codes[0] == codes[1]).mean() == pytest.approx(1 / 8, abs=0.03)


def test_pixelation_is_the_mean_colour() -> None:
    pictures = shown()
    codes = baselines.pixelation(16).encode(pictures)
    assert codes[1, 2, 3, 4] == round(pictures.frames[1, 48:64, 64:80, 2].mean())


def test_frames_that_do_not_fit_are_named_with_the_remedy() -> None:
    for veiling in (baselines.pixelation(16), baselines.linear_mix(16, 0), baselines.private_pixelation(16, 1.0)):
        with pytest.raises(OptionError, match="96x40 pixels cannot be cut into squares of 16; crop or scale them"):
            veiling.encode(shown(size=(40, 96)))
    with pytest.raises(OptionError, match="epsilon 0 and 16 neighbours; give both above zero"):
        baselines.private_pixelation(16, 0.0)


def test_blackout_paints_boxes_and_nothing_else() -> None:
    pictures = shown()
    codes = baselines.blackout().encode(pictures)
    frames = together(codes.transpose(0, 2, 3, 1), pictures.frames.shape, 8)
    assert not frames[:, 16:48, 36:60].any()
    frames[:, 16:48, 36:60] = pictures.frames[:, 16:48, 36:60]
    assert np.array_equal(frames, pictures.frames)


def test_blur_takes_away_detail_and_keeps_the_mean() -> None:
    pictures = shown()
    codes = baselines.blur(4.0).encode(pictures)
    assert codes.std() < pictures.frames.std() / 4
    assert codes.mean() == pytest.approx(pictures.frames.mean(), abs=2)


def test_private_pixelation_adds_noise_of_the_scale_that_the_guarantee_needs() -> None:
    grey = np.full((4, 640, 640, 3), 128, dtype=np.uint8)
    grey[:, 0, 0, 0] = np.arange(4)
    codes = baselines.private_pixelation(16, 2.0).encode(Pictures(grey, ("one",) * 4, ((),) * 4))
    scale = 255 * 16 / (16**2 * 2.0)
    assert np.abs(codes.astype(float) - 128).mean() == pytest.approx(scale, rel=0.05)
    assert (codes[0] == codes[1]).mean() < 0.2
