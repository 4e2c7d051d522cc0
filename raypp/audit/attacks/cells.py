"""Cells of codes as features, and patches of pixels as targets: what every attack by regression needs."""

import numpy as np
import numpy.typing as npt

from raypp.audit.model import Codes, Frames
from raypp.veil.patch import to_patches

Floats = npt.NDArray[np.float32]


def neighbourhoods(codes: Codes) -> Codes:
    """Codes of the 3x3 cells around every cell, uint8[N*h*w, 9*C]; the border repeats."""
    _, channels, rows, columns = codes.shape
    padded = np.pad(codes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    shifted = [padded[:, :, r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
    return np.stack(shifted, axis=1).transpose(0, 3, 4, 1, 2).reshape(-1, 9 * channels)


def patches(frames: Frames, patch: int) -> Floats:
    """Pixels of every cell, float32[N*h*w, p*p*3]."""
    return np.concatenate([to_patches(frame, patch) for frame in frames])


def pictures(pixels: npt.NDArray[np.floating], shape: tuple[int, ...], patch: int) -> Frames:
    """Put the pixels of cells together to pictures of a shape (N, H, W, 3)."""
    count, height, width, _ = shape
    rows, columns = height // patch, width // patch
    grid = pixels.reshape(count, rows, columns, patch, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    return np.clip(np.round(grid.reshape(shape)), 0, 255).astype(np.uint8)
