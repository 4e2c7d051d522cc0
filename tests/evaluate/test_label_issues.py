"""Label errors that were planted are found first, and each under its own kind."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from raypp.evaluate.detections import SampleDetections
from raypp.evaluate.label_issues import LabelIssueType, label_issues, label_scores
from raypp.geometry.boxes import box_iou
from tests.detect.scenes import CLASSES, sample, scene

_SCENES = 300
_PLANTED = 60
_CONFIDENCE = 0.25


def _remove(detected: SampleDetections, chance: np.random.Generator) -> tuple[SampleDetections, np.ndarray]:
    """Forget a label; the place to look is where it was."""
    box = detected.label_boxes_L4[0]
    return replace(detected, label_boxes_L4=detected.label_boxes_L4[1:], labelled_L=detected.labelled_L[1:]), box


def _shift(detected: SampleDetections, chance: np.random.Generator) -> tuple[SampleDetections, np.ndarray]:
    """Move a label by a third of its size."""
    boxes = detected.label_boxes_L4.copy()
    width, height = boxes[0, 2:] - boxes[0, :2]
    boxes[0] += np.array([width, height] * 2) * np.tile(chance.choice([-0.33, 0.33], 2), 2)
    return replace(detected, label_boxes_L4=boxes), boxes[0]


def _swap(detected: SampleDetections, chance: np.random.Generator) -> tuple[SampleDetections, np.ndarray]:
    """Give a label another class."""
    labelled = detected.labelled_L.copy()
    labelled[0] = (labelled[0] + chance.integers(1, len(CLASSES))) % len(CLASSES)
    return replace(detected, labelled_L=labelled), detected.label_boxes_L4[0]


_PLANTS = {LabelIssueType.OVERLOOKED: _remove, LabelIssueType.BADLY_LOCATED: _shift, LabelIssueType.SWAPPED: _swap}


def _planted(
    plant: Callable[[SampleDetections, np.random.Generator], tuple[SampleDetections, np.ndarray]],
) -> tuple[list[SampleDetections], dict[str, np.ndarray]]:
    chance = np.random.default_rng(0)
    samples = [scene(number) for number in range(_SCENES)]
    places = {}
    for number in chance.choice(_SCENES, _PLANTED, replace=False):
        samples[number], places[samples[number].sample_id] = plant(samples[number], chance)
    return samples, places


@pytest.mark.parametrize("kind", LabelIssueType)
def test_planted_errors_come_first_among_their_kind(kind: LabelIssueType) -> None:
    samples, places = _planted(_PLANTS[kind])
    ranked = [issue for issue in label_issues(samples, _CONFIDENCE) if issue.kind is kind]
    scores = [issue.score for issue in ranked]
    assert scores == sorted(scores)
    hits = [
        issue.sample_id in places and box_iou(issue.box_4[None], places[issue.sample_id][None])[0, 0] > 0.5
        for issue in ranked[:_PLANTED]
    ]
    # Of the 8 % of objects that the detector misses nothing can be known.
    assert np.mean(hits[: _PLANTED // 2]) >= 0.95, np.mean(hits[: _PLANTED // 2])
    assert np.mean(hits) >= 0.8, np.mean(hits)


@pytest.mark.parametrize("kind", LabelIssueType)
def test_samples_with_planted_errors_score_lowest(kind: LabelIssueType) -> None:
    samples, places = _planted(_PLANTS[kind])
    scores = {detected.sample_id: label_scores(detected, _CONFIDENCE).sample for detected in samples}
    lowest = sorted(scores, key=lambda name: scores[name])[:_PLANTED]
    assert np.mean([name in places for name in lowest]) >= 0.6, np.mean([name in places for name in lowest])


def test_a_suspect_says_what_speaks_against_it() -> None:
    box = (100, 100, 200, 200)
    swapped = sample("a", [(*box, 0.9, 1)], [(*box, 0)])
    (issue,) = label_issues([swapped], 0.1)
    assert (issue.kind, issue.labelled, issue.predicted) == (LabelIssueType.SWAPPED, 0, 1)
    assert issue.confidence == pytest.approx(0.9)
    assert issue.score == pytest.approx(0.1)
    overlooked = sample("b", [(*box, 0.8, 2)], [])
    (issue,) = label_issues([overlooked], 0.1)
    assert (issue.kind, issue.labelled, issue.predicted, issue.box_4.tolist()) == (
        LabelIssueType.OVERLOOKED,
        None,
        2,
        list(box),
    )


def test_right_labels_and_silent_detectors_raise_no_suspicion() -> None:
    box = (100, 100, 200, 200)
    assert not label_issues([sample("a", [(*box, 0.9, 0)], [(*box, 0)])], 0.1)
    assert not label_issues([sample("a", [], [(*box, 0)])], 0.1)
    assert not label_issues([sample("a", [], [])], 0.1)
    assert label_scores(sample("a", [], [(*box, 0)]), 0.1).sample == 1
    neighbours = [(100, 100, 200, 200, 0), (180, 100, 280, 200, 0)]
    missed_one = sample("a", [(181, 100, 279, 200, 0.9, 0)], neighbours)
    assert not label_issues([missed_one], 0.1), "the neighbour of a found object is not badly located"
