"""Labels that look wrong, ranked from labels and predictions alone, without a look at any image.

After ObjectLab: Tkachenko, Thyagarajan, Mueller, "ObjectLab: Automated Diagnosis of Mislabeled Images in Object
Detection Data", arXiv 2309.00832 (2023). As there, a box gets a score for each kind of error from how alike it is to
confident predictions, and a sample the soft minimum of its boxes' scores. Where a paper's detector is trusted from a
fixed confidence on, ours weighs by its confidence: a YOLO detector's is seldom as high.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from raypp.evaluate.detections import FloatArray, SampleDetections
from raypp.geometry.boxes import box_iou

_OVERLAP_SHARE = 0.9
"""Share of overlap in the likeness of two boxes; the rest is nearness, which tells boxes apart that do not overlap."""
_LEAST_LIKENESS = 0.25
"""Boxes less alike are of different objects."""
_TEMPERATURE = 0.1
_LISTED_BELOW = 0.8


class LabelIssueType(StrEnum):
    """Type of a suspected label error."""

    OVERLOOKED = "overlooked"
    """An object that should have been labelled."""
    BADLY_LOCATED = "badly-located"
    """A label that does not lie where its object is."""
    SWAPPED = "swapped"
    """A label of another class than its object."""


@dataclass(frozen=True)
class LabelIssue:
    """A box that is labelled wrongly, or should be labelled.

    Attributes:
        sample_id: the sample it is on.
        kind: what seems wrong.
        score: in [0, 1], the lower the more suspicious.
        sample_score: of the whole sample, in [0, 1].
        labelled: class of the label; None for an overlooked one.
        predicted: class of the prediction that speaks against the label.
        confidence: of that prediction.
        box_4: corners in pixels of the square, of the label, or of the prediction that nothing is labelled for.
    """

    sample_id: str
    kind: LabelIssueType
    score: float
    sample_score: float
    labelled: int | None
    predicted: int
    confidence: float
    box_4: FloatArray


@dataclass(frozen=True)
class SampleLabelScores:
    """Scores of one sample, each in [0, 1]; the lower, the more suspicious.

    Attributes:
        overlooked_P: of each prediction.
        badly_located_L: of each label.
        swapped_L: of each label.
        sample: of the sample: geometric mean of the soft minima of the three.
    """

    overlooked_P: npt.NDArray[np.float64]
    badly_located_L: npt.NDArray[np.float64]
    swapped_L: npt.NDArray[np.float64]
    sample: float


def label_issues(samples: Iterable[SampleDetections], confidence: float) -> tuple[LabelIssue, ...]:
    """Rank the boxes that look most like label errors, the most suspicious first.

    Args:
        samples: predictions, of a detector that was not trained on these samples, and labels.
        confidence: predictions below it are not listened to.
    """
    issues = []
    for sample in samples:
        seen = sample.above(confidence)
        issues += _listed(seen, *_scores(seen))
    return tuple(sorted(issues, key=lambda issue: (issue.score, issue.sample_score, issue.sample_id)))


def label_scores(sample: SampleDetections, confidence: float) -> SampleLabelScores:
    """Score all boxes of one sample; the predictions are those from this confidence on, by falling confidence."""
    return _scores(sample.above(confidence))[0]


@dataclass(frozen=True)
class _Witnesses:
    """For each label the prediction that speaks loudest against its place, and against its class; -1 for none."""

    place_L: npt.NDArray[np.int64]
    class_L: npt.NDArray[np.int64]


def _scores(seen: SampleDetections) -> tuple[SampleLabelScores, _Witnesses]:
    likeness_PL = _likeness(seen)
    weight_P = seen.confidence_P.astype(np.float64)
    same_PL = seen.predicted_P[:, None] == seen.labelled_L[None]
    labels, predictions = len(seen.labelled_L), len(weight_P)
    if not labels or not predictions:
        scores = SampleLabelScores(1 - weight_P, np.ones(labels), np.ones(labels), _pooled(1 - weight_P))
        return scores, _Witnesses(np.full(labels, -1), np.full(labels, -1))
    # A prediction speaks of a label's place only if it is likest to that label of all of its class: else two
    # neighbours of which the detector missed one would look like one that is badly located.
    own = np.where(same_PL, likeness_PL, 0.0)
    speaks = (own >= _LEAST_LIKENESS) & (own == own.max(axis=1, keepdims=True))
    likest = np.where(speaks, own, -1.0).argmax(axis=0)
    every = np.arange(labels)
    heard = speaks[likest, every]
    badly = np.where(heard, 1 - weight_P[likest] * (1 - own[likest, every]), 1.0)
    for_other = np.where(~same_PL & (likeness_PL >= _LEAST_LIKENESS), weight_P[:, None] * likeness_PL, 0.0)
    for_own = (weight_P[:, None] * own).max(axis=0)
    rival = for_other.argmax(axis=0)
    swapped = 1 - np.clip(for_other.max(axis=0) - for_own, 0, 1)
    against = _Witnesses(np.where(heard, likest, -1), np.where(swapped < 1, rival, -1))
    # What speaks of a label's place or class has a label: it was not overlooked, however badly that label lies.
    heard_P = np.isin(np.arange(predictions), np.concatenate([against.place_L, against.class_L]))
    overlooked = np.where(heard_P, 1.0, 1 - weight_P * (1 - likeness_PL.max(axis=1)))
    return SampleLabelScores(overlooked, badly, swapped, _pooled(overlooked, badly, swapped)), against


def _likeness(seen: SampleDetections) -> npt.NDArray[np.float64]:
    """Return how alike predictions and labels are, float64[P, L] in [0, 1]: overlap, and nearness of centres.

    Nearness is 1 - distance of centres / diagonal of the box around both (Zheng et al. 2020, Distance-IoU).
    """
    iou = box_iou(seen.boxes_P4, seen.label_boxes_L4)
    first = seen.boxes_P4.astype(np.float64)[:, None]
    second = seen.label_boxes_L4.astype(np.float64)[None]
    apart = np.linalg.norm((first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) / 2, axis=-1)
    around = np.maximum(first[..., 2:], second[..., 2:]) - np.minimum(first[..., :2], second[..., :2])
    nearness = 1 - apart / np.maximum(np.linalg.norm(around, axis=-1), 1e-9)
    return np.asarray(_OVERLAP_SHARE * iou + (1 - _OVERLAP_SHARE) * nearness)


def _pooled(*kinds: npt.NDArray[np.float64]) -> float:
    """Geometric mean of the soft minima of each kind's scores."""
    minima = []
    for scores in kinds:
        if not len(scores):
            minima.append(1.0)
            continue
        weights = np.exp((scores.min() - scores) / _TEMPERATURE)
        minima.append(float((scores * weights).sum() / weights.sum()))
    return float(np.prod(minima) ** (1 / len(LabelIssueType)))


def _listed(seen: SampleDetections, scores: SampleLabelScores, against: _Witnesses) -> list[LabelIssue]:
    def suspect(kind: LabelIssueType, score: float, label: int | None, witness: int) -> LabelIssue:
        return LabelIssue(
            sample_id=seen.sample_id,
            kind=kind,
            score=score,
            sample_score=scores.sample,
            labelled=None if label is None else int(seen.labelled_L[label]),
            predicted=int(seen.predicted_P[witness]),
            confidence=float(seen.confidence_P[witness]),
            box_4=seen.boxes_P4[witness] if label is None else seen.label_boxes_L4[label],
        )

    issues = [
        suspect(LabelIssueType.OVERLOOKED, float(score), None, number)
        for number, score in enumerate(scores.overlooked_P)
    ]
    for kind, of_label, witnesses in (
        (LabelIssueType.BADLY_LOCATED, scores.badly_located_L, against.place_L),
        (LabelIssueType.SWAPPED, scores.swapped_L, against.class_L),
    ):
        issues += [
            suspect(kind, float(score), label, int(witness))
            for label, (score, witness) in enumerate(zip(of_label, witnesses, strict=True))
            if witness >= 0
        ]
    return [issue for issue in issues if issue.score < _LISTED_BELOW]
