"""Cells as features and patches as targets."""

import numpy as np

from raypp.audit.attacks.cells import neighbourhoods, patches, pictures


def test_neighbourhoods_hold_the_cell_in_the_middle() -> None:
    codes = np.random.default_rng(1).integers(0, 16, (2, 5, 4, 6), dtype=np.uint8)
    around = neighbourhoods(codes).reshape(2, 4, 6, 9, 5)
    assert np.array_equal(around[:, :, :, 4], codes.transpose(0, 2, 3, 1))
    assert np.array_equal(around[:, 1:, :, 1], codes.transpose(0, 2, 3, 1)[:, :-1])


def test_patches_put_together_are_the_picture() -> None:
    frames = np.random.default_rng(2).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    assert np.array_equal(pictures(patches(frames, 8), frames.shape, 8), frames)
