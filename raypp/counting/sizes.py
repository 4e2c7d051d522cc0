"""Sizes of counted objects: diameters of circles of their area, and how they are distributed."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from raypp.detect.count_calibration import SizeCalibration
from raypp.geometry.boxes import Edges

_BINS = 16


class SizeSummary(NamedTuple):
    """The distribution of diameters, by number.

    Attributes:
        d10, d50, d90: below these, 10, 50 and 90 % of the objects are.
        edges: of the histogram's bins, evenly spaced.
        counts: objects in each bin.
    """

    d10: float
    d50: float
    d90: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


def box_diameter(edges: Edges, calibration: SizeCalibration | None) -> float:
    """Return the diameter of the circle of an object's area, in pixels, from its box.

    Args:
        edges: of the box, in pixels.
        calibration: of its class; None takes the object for an ellipse that fills its box.
    """
    side = math.sqrt(max(edges[2] - edges[0], 1e-3) * max(edges[3] - edges[1], 1e-3))
    return side if calibration is None else math.exp(calibration.offset + calibration.slope * math.log(side))


def box_aspect(edges: Edges) -> float:
    """Return the longer over the shorter side of a box."""
    across, along = max(edges[2] - edges[0], 1e-3), max(edges[3] - edges[1], 1e-3)
    return max(across, along) / min(across, along)


def size_summary(diameters: Sequence[float]) -> SizeSummary | None:
    """Summarise diameters; None without any."""
    if not diameters:
        return None
    d10, d50, d90 = (float(value) for value in np.percentile(diameters, (10, 50, 90)))
    counts, edges = np.histogram(diameters, bins=_BINS, range=(0, max(diameters)))
    return SizeSummary(d10, d50, d90, tuple(map(float, edges)), tuple(map(int, counts)))


def calibrate_sizes(boxes: Sequence[Edges], diameters: Sequence[float]) -> SizeCalibration | None:
    """Fit how diameters follow from boxes, so that their mean and spread are the true ones; None for too few.

    Args:
        boxes: detected boxes, in pixels.
        diameters: true diameters of the same objects, in pixels.
    """
    if len(boxes) < 2:
        return None
    sides = np.array([box_diameter(edges, None) for edges in boxes])
    log_sides, log_true = np.log(sides), np.log(np.asarray(diameters, dtype=np.float64))
    spread = float(log_sides.std())
    slope = float(log_true.std()) / spread if spread > 0 and log_true.std() > 0 else 1.0
    return SizeCalibration(
        offset=float(log_true.mean() - slope * log_sides.mean()),
        slope=slope,
        bias=float(sides.mean() / np.mean(diameters) - 1),
        boxes=len(boxes),
    )
