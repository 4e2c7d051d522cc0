"""Intervals of counts: how far counts were off on images of calibration, resampled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from raypp.detect.count_calibration import ClassCalibration

_RESAMPLES = 2000
_LOW, _HIGH = 2.5, 97.5
_SEED = 20


class CountInterval(NamedTuple):
    """Between what numbers the true one lies, in 95 of 100 cases."""

    low: int
    high: int


def count_interval(counts: Sequence[int], calibration: ClassCalibration) -> CountInterval:
    """Bound the true total of some images, from errors on images of calibration, which are drawn anew each time.

    An error is taken relative to the root of a count, since errors of many objects are larger.

    Args:
        counts: what was counted on each image.
        calibration: of the class.
    """
    counted, truth = (np.asarray(values, dtype=np.float64) for values in (calibration.counted, calibration.truth))
    errors = (truth - counted) / np.sqrt(np.maximum(counted, 1))
    roots = np.sqrt(np.maximum(np.asarray(counts, dtype=np.float64), 1))
    generator = np.random.default_rng(_SEED)
    pools = errors[generator.integers(len(errors), size=(_RESAMPLES, len(errors)))]
    drawn = generator.integers(len(errors), size=(_RESAMPLES, len(roots)))
    totals = sum(counts) + (np.take_along_axis(pools, drawn, axis=1) * roots).sum(axis=1)
    low, high = np.percentile(totals, (_LOW, _HIGH))
    return CountInterval(max(0, int(np.floor(low))), max(0, int(np.ceil(high))))
