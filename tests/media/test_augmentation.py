"""Variants of a frame: pixels and boxes move together, the same for ever."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.media.augmentation import SEED_BYTES, Variant
from raypp.media.frame import PADDING
from raypp.media.masks import Mask

WIDTH, HEIGHT = 200, 120
WINDOW = (128, 208)  # rows and columns of whole patches: content at the top left, padding beyond it
RED = (220, 40, 40)
SEEDS = [hashlib.sha256(bytes([number])).digest() for number in range(24)]


def _window(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A grey window whose content has a red rectangle at each (left, top, right, bottom)."""
    window = np.full((*WINDOW, 3), PADDING, dtype=np.uint8)
    window[:HEIGHT, :WIDTH] = 90
    for left, top, right, bottom in boxes:
        window[top:bottom, left:right] = RED
    return window


def _normalised(left: int, top: int, right: int, bottom: int) -> list[float]:
    middle = [(left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT]
    return [*middle, (right - left) / WIDTH, (bottom - top) / HEIGHT]


def _corners(box: np.ndarray) -> np.ndarray:
    x, y, w, h = box
    return np.array([(x - w / 2) * WIDTH, (y - h / 2) * HEIGHT, (x + w / 2) * WIDTH, (y + h / 2) * HEIGHT])


def _red(window: np.ndarray) -> np.ndarray:
    """Corners of what is more than half red; it stays saturated, whatever was done to its colour."""
    spread = window.max(axis=2).astype(int) - window.min(axis=2)
    rows, columns = np.nonzero(spread > spread.max() / 2)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("drawn", [(70, 40, 130, 85), (3, 2, 60, 50), (120, 70, 200, 120)])
def test_a_box_sits_on_what_it_was_drawn_around(drawn: tuple[int, int, int, int], seed: bytes) -> None:
    variant = Variant.of_seed(seed)
    out = variant.pixels(_window(drawn), WIDTH, HEIGHT)
    boxes, kept = variant.boxes(np.array([_normalised(*drawn)]), WIDTH, HEIGHT)
    if kept[0]:
        np.testing.assert_allclose(_red(out), _corners(boxes[0]), atol=1.01)


def test_mirroring_swaps_left_and_right() -> None:
    variant = Variant(mirrored=True)
    assert _red(variant.pixels(_window((10, 20, 50, 60)), WIDTH, HEIGHT)).tolist() == [150, 20, 190, 60]
    boxes, kept = variant.boxes(np.array([_normalised(10, 20, 50, 60)]), WIDTH, HEIGHT)
    np.testing.assert_allclose(_corners(boxes[0]), [150, 20, 190, 60])
    assert kept.all()


def test_scaling_and_shifting_go_about_the_middle() -> None:
    half = Variant(scale=0.5, shift_x=0.1, shift_y=-0.1)
    assert half.place(WIDTH, HEIGHT) == (70, 18, 170, 78)
    boxes, _ = half.boxes(np.array([[0.5, 0.5, 1, 1]]), WIDTH, HEIGHT)
    np.testing.assert_allclose(_corners(boxes[0]), [70, 18, 170, 78])
    out = half.pixels(_window((0, 0, WIDTH, HEIGHT)), WIDTH, HEIGHT)
    assert _red(out).tolist() == [70, 18, 170, 78]
    out[18:78, 70:170] = PADDING
    assert (out == PADDING).all()


def test_nothing_to_do_changes_nothing_but_rounding() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*WINDOW, 3), dtype=np.uint8)
    noise[HEIGHT:], noise[:, WIDTH:] = PADDING, PADDING
    moved = Variant().pixels(noise, WIDTH, HEIGHT)
    off = np.abs(moved.astype(int) - noise)
    assert (off.max() <= 8, off.mean() < 1) == (True, True), "hue and saturation have 8 bits each"
    before = np.array([_normalised(10, 20, 50, 60)])
    boxes, kept = Variant().boxes(before, WIDTH, HEIGHT)
    np.testing.assert_allclose(boxes, before)
    assert kept.all()


def test_colour_changes_as_asked() -> None:
    window = _window((0, 0, WIDTH, HEIGHT))
    red, green, blue = Variant(value=0.6, saturation=0.5).pixels(window, WIDTH, HEIGHT)[60, 100]
    assert (int(red), abs(int(green) - int(blue)) <= 1) == (132, True)
    assert int(green) == pytest.approx(132 * (1 - 0.5 * 180 / 220), abs=2)
    turned = Variant(hue=1 / 3).pixels(window, WIDTH, HEIGHT)[60, 100]
    np.testing.assert_allclose(turned.astype(int), [40, 220, 40], atol=4)


@given(st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES))
def test_what_is_drawn_stays_in_its_ranges(seed: bytes) -> None:
    variant = Variant.of_seed(seed)
    assert variant == Variant.of_seed(seed)
    assert 0.5 <= variant.scale <= 1.5
    assert abs(variant.shift_x) <= 0.1
    assert abs(variant.shift_y) <= 0.1
    assert abs(variant.hue) <= 0.015
    assert 0.3 <= variant.saturation <= 1.7
    assert 0.6 <= variant.value <= 1.4


def test_a_seed_means_the_same_for_ever() -> None:
    assert Variant.of_seed(bytes(range(32))) == Variant(
        mirrored=True,
        scale=0.5157016532029957,
        shift_x=-0.09372241445817053,
        shift_y=-0.0905851595569402,
        hue=-0.013117185698356479,
        saturation=0.4098254517186434,
        value=0.6753064205870032,
    )


def test_both_sides_and_sizes_are_drawn() -> None:
    drawn = [Variant.of_seed(seed) for seed in SEEDS]
    assert 6 <= sum(variation.mirrored for variation in drawn) <= 18
    assert 6 <= sum(variation.scale > 1 for variation in drawn) <= 18
    assert len({variation.scale for variation in drawn}) == len(drawn)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(SEEDS))
def test_any_size_of_content_keeps_its_window(width: int, height: int, seed: bytes) -> None:
    window = np.random.default_rng(1).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    window[height:], window[:, width:] = PADDING, PADDING
    before = window.copy()
    out = Variant.of_seed(seed).pixels(window, width, height)
    assert (out.shape, out.dtype) == (window.shape, np.uint8)
    assert (out[height:] == PADDING).all()
    assert (out[:, width:] == PADDING).all()
    np.testing.assert_array_equal(window, before)


@pytest.mark.parametrize("seed", SEEDS[:8])
def test_what_a_mask_covers_stays_plain_grey(seed: bytes) -> None:
    window = np.random.default_rng(2).integers(0, 256, (*WINDOW, 3), dtype=np.uint8)
    Mask((((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),)).paint(window, WIDTH, HEIGHT)
    out = Variant.of_seed(seed).pixels(window, WIDTH, HEIGHT)[:HEIGHT, :WIDTH]
    assert (out.max(axis=2) == out.min(axis=2)).all()
    assert len(np.unique(out)) <= 2, "the mask, and what lies beside the content"


@pytest.mark.parametrize(
    ("drawn", "stays"),
    [
        ((80, 40, 120, 80), True),
        ((0, 40, 10, 80), False),  # moved out of sight
        ((0, 40, 36, 80), False),  # less than a tenth is left of it
        ((0, 40, 45, 80), True),
        ((80, 40, 81, 80), False),  # thinner than two pixels
    ],
)
def test_boxes_of_which_too_little_is_left_are_dropped(drawn: tuple[int, int, int, int], stays: bool) -> None:
    variant = Variant(scale=1.5, shift_x=0.0)  # shows 33.3 to 166.7 of 200 columns
    boxes, kept = variant.boxes(np.array([_normalised(*drawn), _normalised(80, 40, 120, 80)]), WIDTH, HEIGHT)
    assert kept.tolist() == [stays, True]
    assert (boxes[:, :2] - boxes[:, 2:] / 2 >= -1e-9).all()
    assert (boxes[:, :2] + boxes[:, 2:] / 2 <= 1 + 1e-9).all()


def test_no_boxes_are_no_boxes() -> None:
    boxes, kept = Variant(scale=0.7).boxes(np.empty((0, 4)), WIDTH, HEIGHT)
    assert (boxes.shape, kept.shape) == ((0, 4), (0,))
