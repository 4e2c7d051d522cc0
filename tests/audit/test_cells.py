"""Cells as features and patches as targets."""

import numpy as np

from raypp.audit.attacks.cells import count_cells, evenly_chosen, grid, images, neighbourhoods, patches


def test_neighbourhoods_hold_the_cell_in_the_middle_and_repeat_the_border() -> None:
    codes = grid(np.random.default_rng(1).integers(0, 16, (2, 5, 4, 6), dtype=np.uint8))
    assert codes.shape == (2, 4, 6, 5)
    around = neighbourhoods(codes, np.arange(count_cells(codes))).reshape(2, 4, 6, 9, 5)
    padded = np.pad(codes, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    for place, (down, right) in enumerate(np.ndindex(3, 3)):
        assert np.array_equal(around[:, :, :, place], padded[:, down : down + 4, right : right + 6])


def test_some_cells_are_those_that_are_asked_for() -> None:
    generator = np.random.default_rng(2)
    codes = grid(generator.integers(0, 16, (3, 5, 4, 6), dtype=np.uint8))
    frames = generator.integers(0, 256, (3, 32, 48, 3), dtype=np.uint8)
    every, drawn = np.arange(count_cells(codes)), np.array([70, 3, 3, 41])
    assert np.array_equal(neighbourhoods(codes, drawn), neighbourhoods(codes, every)[drawn])
    assert np.array_equal(patches(frames, 8, drawn), patches(frames, 8, every)[drawn])
    assert np.array_equal(patches(frames, 8, drawn[:1])[0].reshape(8, 8, 3), frames[2, 24:32, 32:40])


def test_patches_put_together_are_the_image() -> None:
    frames = np.random.default_rng(2).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    assert np.array_equal(images(patches(frames, 8, np.arange(12)), frames.shape, 8), frames)


def test_some_images_are_few_and_even() -> None:
    every = np.arange(100, dtype=np.uint8)[:, None]
    assert evenly_chosen(every)[:3, 0].tolist() == [0, 5, 10]
    assert len(evenly_chosen(every)) == 20
    assert len(evenly_chosen(every[:24])) == 24
