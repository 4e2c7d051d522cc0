"""Cells of codes as features, and patches of pixels as targets: what every attack by regression needs."""

from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import Codes, Frames

Floats: TypeAlias = npt.NDArray[np.float32]
Places: TypeAlias = npt.NDArray[np.int64]
"""int64[M]: cells by their number, in the order image, row, column."""

MOST_ONE_HOT = 3000
"""Features of one 0/1 value for each value that a code can take; more are too many for a regression."""
_MOST_IMAGES = 24
"""Moments of more images than this hardly differ."""
_AROUND = tuple(product((-1, 0, 1), repeat=2))


def grid(codes: Codes) -> Codes:
    """Codes with the channels last, uint8[N, h, w, C]: a cell's lie together."""
    return np.ascontiguousarray(codes.transpose(0, 2, 3, 1))


def count_cells(codes_NhwC: Codes) -> int:
    """Number of cells in a grid."""
    return int(np.prod(codes_NhwC.shape[:3]))


def neighbourhoods(codes_NhwC: Codes, places: Places) -> Codes:
    """Codes of the 3x3 cells around some cells, uint8[M, 9*C]; the border repeats."""
    _, height, width, channels = codes_NhwC.shape
    image, row, column = np.unravel_index(places, codes_NhwC.shape[:3])
    around = np.empty((len(places), len(_AROUND), channels), dtype=np.uint8)
    for place, (down, right) in enumerate(_AROUND):
        rows, columns = np.clip(row + down, 0, height - 1), np.clip(column + right, 0, width - 1)
        around[:, place] = codes_NhwC[image, rows, columns]
    return around.reshape(len(places), -1)


def one_hot(codes_MC: Codes, names: int) -> Floats:
    """Each value as so many features, float32[M, C*names]: 1 for its own name, 0 for others; one beyond has none."""
    is_name: npt.NDArray[np.bool_] = codes_MC[:, :, None] == np.arange(names, dtype=np.uint8)
    return is_name.reshape(len(codes_MC), -1).astype(np.float32)


def patches(frames: Frames, patch: int, places: Places) -> Floats:
    """Pixels of some cells, float32[M, p*p*3]."""
    count, height, width, _ = frames.shape
    cut = frames.reshape(count, height // patch, patch, width // patch, patch, 3)
    image, row, column = np.unravel_index(places, (count, height // patch, width // patch))
    return cut[image, row, :, column].reshape(len(places), -1).astype(np.float32)


def images(pixels: npt.NDArray[np.floating], shape: tuple[int, ...], patch: int) -> Frames:
    """Put the pixels of cells together to images of a shape (N, H, W, 3)."""
    count, height, width, _ = shape
    rows, columns = height // patch, width // patch
    whole = pixels.reshape(count, rows, columns, patch, patch, 3).transpose(0, 1, 3, 2, 4, 5)
    return np.clip(np.round(whole.reshape(shape)), 0, 255).astype(np.uint8)


def evenly_chosen(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """At most 24 images, evenly chosen, for what is known of their statistics."""
    return images[:: max(1, -(-len(images) // _MOST_IMAGES))]
