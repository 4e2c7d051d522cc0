"""Targets besides the veil: shapes, determinism, and what each baseline does to pixels."""

from collections.abc import Callable

import numpy as np
import pytest

from raypp.audit.attacks.cells import images as together
from raypp.audit.core.model import AttackTarget, Images
from raypp.audit.suite.suite import BASELINES
from raypp.audit.targets import baselines
from raypp.errors import OptionError
from raypp.geometry.boxes import Box
from raypp.media.obfuscation import Blackout, Blur, Obscuring, Pixelation, PrivatePixelation

BOX = Box(0, 0.5, 0.5, 0.25, 0.5)


def shown(count: int = 3, size: tuple[int, int] = (64, 96), seed: int = 0) -> Images:
    frames = np.random.default_rng(seed).integers(0, 256, (count, *size, 3), dtype=np.uint8)
    return Images(frames, ("one",) * count, ((("hammer", BOX),),) * count)


WAYS: list[Obscuring] = [
    *(Pixelation(side=side) for side in (8, 16, 32)),
    Blur(sigma=3.0),
    Blackout(),
    PrivatePixelation(side=16, epsilon=0.5, seed=1),
]
MAKERS: list[Callable[[], AttackTarget]] = [
    lambda: baselines.linear_mix(4, 1),
    lambda: baselines.linear_mix(8, 1),
    lambda: baselines.noise(8, 16, 8, 1),
    *(lambda way=way: baselines.obscured(way) for way in WAYS),
]


@pytest.mark.parametrize("make", MAKERS)
def test_codes_have_the_shape_that_is_told_and_depend_on_the_image_alone(make: Callable[[], AttackTarget]) -> None:
    target, images = make(), shown()
    codes = target.encode(images)
    grid = (64 // target.patch, 96 // target.patch)
    assert codes.dtype == np.uint8
    assert codes.shape == (3, target.channels, *grid)
    assert codes.max() < target.levels
    assert np.array_equal(make().encode(images), codes)
    assert np.array_equal(target.encode(images.take([2, 0])), codes[[2, 0]])
    assert target.encode(images.take([])).shape == (0, target.channels, *grid)


@pytest.mark.parametrize("make", [baselines.linear_mix, lambda patch, seed: baselines.noise(patch, 16, 8, seed)])
def test_another_seed_gives_other_codes(make: Callable[[int, int], AttackTarget]) -> None:
    assert (make(4, 1).encode(shown()) != make(4, 2).encode(shown())).mean() > 0.8


def test_a_linear_mix_is_undone_by_its_matrix() -> None:
    images, target = shown(), baselines.linear_mix(4, 1)
    units = np.full((48, 4, 4, 3), 128, dtype=np.uint8)
    units.reshape(48, 48)[np.arange(48), np.arange(48)] = 248
    columns = (target.encode(Images(units, ("one",) * 48, ((),) * 48))[..., 0, 0].astype(float) - 128) / 60
    assert columns @ columns.T == pytest.approx(np.eye(48), abs=0.1)
    mixed = target.encode(images).transpose(0, 2, 3, 1).astype(float) - 128
    reconstructed = together(mixed * 2 @ np.linalg.inv(columns) + 128, images.frames.shape, 4)
    assert np.abs(reconstructed.astype(int) - images.frames).mean() < 10


def test_noise_is_even_and_the_same_in_no_two_images() -> None:
    codes = baselines.noise(8, 16, 8, 0).encode(shown(2))
    assert np.bincount(codes.ravel(), minlength=8) / codes.size == pytest.approx(1 / 8, abs=0.02)
    assert (codes[0] == codes[1]).mean() == pytest.approx(1 / 8, abs=0.03)


def test_codes_of_squares_are_their_colours_and_codes_of_other_images_their_patches() -> None:
    images = shown()
    boxes = [BOX]
    squares = baselines.obscured(WAYS[1]).encode(images)
    assert np.array_equal(squares[1].transpose(1, 2, 0), WAYS[1](images.frames[1], boxes)[::16, ::16])
    patches = baselines.obscured(Blackout()).encode(images)
    frames = together(patches.transpose(0, 2, 3, 1), images.frames.shape, 8)
    assert np.array_equal(frames[2], Blackout()(images.frames[2], boxes))


def test_what_others_use_is_attacked_under_its_title() -> None:
    targets = {name: make() for name, make in BASELINES.items()}
    assert targets["blur, sigma 8"].name == "blur, sigma 8"
    assert targets["private pixelation 16, epsilon 1"].patch == 16


def test_frames_that_do_not_fit_are_named_with_the_remedy() -> None:
    private = PrivatePixelation(side=16, epsilon=1.0)
    ways = [baselines.obscured(obscuring) for obscuring in (Pixelation(side=16), private)]
    for target in (*ways, baselines.linear_mix(16, 0)):
        with pytest.raises(OptionError, match="96x40 pixels cannot be cut into squares of 16; crop or scale them"):
            target.encode(shown(size=(40, 96)))
