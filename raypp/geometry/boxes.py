"""Boxes: labelled ones as fractions of an image, edges, corners as arrays, and how much boxes overlap."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Point: TypeAlias = tuple[float, float]
"""Across and down."""
Edges: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom of one box; across grows to the right, down grows downwards."""
Corners: TypeAlias = npt.NDArray[np.float64]
"""float64[N, 4]: the edges of N boxes."""

_SMALLEST_UNION = 1e-12


@dataclass(frozen=True)
class Box:
    """A labelled box of an image: class and centre, width, height, each a fraction of the image's sides."""

    class_id: int
    x: float
    y: float
    w: float
    h: float


def centre(edges: Edges) -> Point:
    """Return the middle of a box."""
    left, top, right, bottom = edges
    return (left + right) / 2, (top + bottom) / 2


def areas(corners_N4: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the areas of boxes, float64[N], in the square of the corners' unit; 0 where an edge is past its opposite.

    Args:
        corners_N4: float[..., 4].
    """
    sides = np.clip(corners_N4[..., 2:].astype(np.float64) - corners_N4[..., :2], 0, None)
    return np.asarray(sides.prod(axis=-1))


def box_iou(some_N4: npt.NDArray[np.floating], others_M4: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the intersection over union of each box with each other one, float64[N, M]; 0 where both are empty.

    Args:
        some_N4: float[N, 4], corners.
        others_M4: float[M, 4], corners in the same unit.
    """
    first, second = some_N4.astype(np.float64)[:, None], others_M4.astype(np.float64)[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = np.clip(sides, 0, None).prod(axis=-1)
    union = areas(first) + areas(second) - shared
    return np.asarray(shared / np.maximum(union, _SMALLEST_UNION))
