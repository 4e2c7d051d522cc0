"""How sure a gap is: mean average precision under resampling of images, paired between two detectors.

The paired bootstrap over test items (Efron and Tibshirani 1993, ch. 8 and 16): the same resampled images score both
detectors, so what makes an image hard for both does not widen the interval; seeds are resampled along.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.detect.ultralytics import compute_ap
from raypp.evaluate.matching import SampleMatches

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _ClassTable:
    """Detections of one class over all images, by falling confidence.

    Attributes:
        owner_P: image of each detection.
        correct_PT: whether each is right, by IoU threshold.
        labels_I: labelled boxes of each image.
    """

    owner_P: npt.NDArray[np.int64]
    correct_PT: npt.NDArray[np.bool_]
    labels_I: npt.NDArray[np.int64]


class PrecisionTable:
    """Detections of one detector, ready to be scored under any weights of the images.

    Args:
        matches: what it found, image by image, in the order that weights will have.
    """

    def __init__(self, matches: Sequence[SampleMatches]) -> None:
        owner = np.concatenate([np.full(len(sample.confidence_P), number) for number, sample in enumerate(matches)])
        correct = np.concatenate([sample.correct_PT for sample in matches])
        confidence = np.concatenate([sample.confidence_P for sample in matches])
        predicted = np.concatenate([sample.predicted_P for sample in matches])
        classes = np.unique(np.concatenate([sample.labelled_L for sample in matches]))
        order = np.argsort(-confidence, kind="stable")
        owner, correct, predicted = owner[order], correct[order], predicted[order]
        self._tables = [
            _ClassTable(
                owner_P=owner[predicted == number],
                correct_PT=correct[predicted == number],
                labels_I=np.array([int((sample.labelled_L == number).sum()) for sample in matches]),
            )
            for number in classes
        ]

    def score(self, weights_I: npt.NDArray[np.int64]) -> _Floats:
        """Return mAP at each IoU threshold, float[10], where each image counts as often as its weight says."""
        precisions = [_precision(table, weights_I) for table in self._tables if _labels(table, weights_I)]
        return np.asarray(np.mean(precisions, axis=0), dtype=np.float64)


def relative_gap(
    reference: Sequence[Sequence[SampleMatches]],
    other: Sequence[Sequence[SampleMatches]],
    replicates: int = 1000,
    seed: int = 0,
) -> tuple[Interval, Interval]:
    """Compare two detectors, each trained with one or more seeds, on the same images.

    Args:
        reference: matches of the reference, one list a seed; images in the same order everywhere.
        other: matches of the other detector, likewise.
        replicates: resamples.
        seed: of the resampling.

    Returns:
        What the other loses of the reference's mAP50 and of its mAP50-95, in shares of it (0.02 is 2 % less).
    """
    tables = [[PrecisionTable(matches) for matches in group] for group in (reference, other)]
    images = len(reference[0])
    random = np.random.default_rng(seed)
    everyone = np.ones(images, dtype=np.int64)
    value = _gaps(*(np.mean([table.score(everyone) for table in group], axis=0) for group in tables))
    drawn = np.empty((replicates, 2))
    for replicate in range(replicates):
        weights = np.bincount(random.integers(0, images, images), minlength=images)
        scores = [
            np.mean([group[index].score(weights) for index in random.integers(0, len(group), len(group))], axis=0)
            for group in tables
        ]
        drawn[replicate] = _gaps(*scores)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    first, second = (Interval(float(value[at]), float(low[at]), float(high[at])) for at in (0, 1))
    return first, second


def _gaps(reference: _Floats, other: _Floats) -> _Floats:
    """Relative losses at IoU 0.5 and over all thresholds."""
    return np.array([1 - other[0] / reference[0], 1 - other.mean() / reference.mean()])


def _labels(table: _ClassTable, weights_I: npt.NDArray[np.int64]) -> int:
    return int((table.labels_I * weights_I).sum())


def _precision(table: _ClassTable, weights_I: npt.NDArray[np.int64]) -> _Floats:
    """Average precision of one class at each threshold, as ultralytics computes it."""
    weights_P = weights_I[table.owner_P][:, None]
    right = np.cumsum(table.correct_PT * weights_P, axis=0)
    wrong = np.cumsum(~table.correct_PT * weights_P, axis=0)
    if not len(right) or not (right[-1] + wrong[-1]).any():
        return np.zeros(table.correct_PT.shape[1])
    recall = right / _labels(table, weights_I)
    precision = right / np.maximum(right + wrong, 1)
    return np.array([compute_ap(recall[:, at], precision[:, at])[0] for at in range(recall.shape[1])])
