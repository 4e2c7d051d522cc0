"""Distances between a profile and the mean of its reference.

Each is a mean or a maximum of Jensen-Shannon distances over channels and blocks. It stays the same when channels change
places and values change names, as they do from one sub-key of a learned veil to the next. So distances of cameras with
different sub-keys are of one scale.
"""

from collections.abc import Mapping

import numpy as np
from scipy.spatial.distance import jensenshannon

from raypp.drift.code_counts import CODES, block_means, place_grid
from raypp.drift.detection_counts import HOUR_RATES
from raypp.drift.profile import Floats, Profile

FLOOR = 0.01
"""Added to a distance before its logarithm: below, it is rounding and noise."""
LEAST_DETECTIONS = 30
_PSEUDO_COUNT = 30
"""Detections of the reference that a period's are mixed with: few detections are then no distance by chance."""
_LEAST_HOURS = 6
LEVELS, EVERYWHERE, SOMEWHERE = "levels", "everywhere", "somewhere"


def log_distances(profile: Profile, mean: Mapping[str, Floats]) -> dict[str, float]:
    """Return the logarithm of the distance of each part, NaN where too little was counted.

    Args:
        profile: of a period.
        mean: the tables of the reference.

    Returns:
        `levels` for codes: how often which value occurs in the whole frame; or a distance for each table of detections.
        What depends on blocks comes of `log_block_distances`.
    """
    if CODES in profile.tables:
        whole = _apart(profile.tables[CODES].mean(axis=0), mean[CODES].mean(axis=0))
        return {LEVELS: _log(float(whole.mean()))}
    return {name: _detection_distance(profile, name, mean[name]) for name in profile.tables}


def log_block_distances(profile: Profile, mean: Mapping[str, Floats]) -> Floats:
    """Return the logarithm of the distance of each block of the frame, float64[blocks]; none for detections."""
    if CODES not in profile.tables:
        return np.zeros(0)
    apart = _apart(profile.tables[CODES], mean[CODES]).mean(axis=1)
    subject = profile.subject
    return np.asarray(np.log(block_means(apart, place_grid(subject.rows, subject.columns)) + FLOOR))


def _detection_distance(profile: Profile, name: str, mean: Floats) -> float:
    own, counted = profile.tables[name], profile.counted[name]
    if counted < LEAST_DETECTIONS or not mean.any():
        return float("nan")
    if name == HOUR_RATES:
        both = (own[:, 1] > 0) & (mean[:, 1] > 0)
        if both.sum() < _LEAST_HOURS or not own[both, 0].any() or not mean[both, 0].any():
            return float("nan")
        own, mean = (rates[both, 0] / rates[both, 0].sum() for rates in (own, mean))
    mixed = (own * counted + mean * _PSEUDO_COUNT) / (counted + _PSEUDO_COUNT)
    return _log(float(_apart(mixed, mean)))


def _apart(some: Floats, others: Floats) -> Floats:
    """Return the Jensen-Shannon distance of each row, 0 where a row is empty, or rounding makes it less."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(jensenshannon(some, others, axis=-1)))


def _log(distance: float) -> float:
    return float(np.log(distance + FLOOR))
