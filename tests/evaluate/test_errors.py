"""Every wrong detection and missed label gets its one kind, and the counts add up."""

import numpy as np
import pytest

from raypp.evaluate.error_summary import classify_all_errors, summarise_errors
from raypp.evaluate.errors import BoxSize, ErrorType, classify_errors, confusion
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.request import FrameOrigin, PredictedSample
from raypp.media.drawing import MarkOutcome, outcome_counts
from tests.detect.scenes import CLASSES, sample, scene

_BOX = (100.0, 100.0, 200.0, 200.0)
_HALF_OFF = (150.0, 100.0, 250.0, 200.0)  # overlap 1/3
_FAR = (400.0, 400.0, 450.0, 450.0)


@pytest.mark.parametrize(
    ("detections", "kinds"),
    [
        ([(*_BOX, 0.9, 0)], []),
        ([(*_BOX, 0.9, 1)], ["class"]),
        ([(*_HALF_OFF, 0.9, 0)], ["localisation"]),
        ([(*_HALF_OFF, 0.9, 1)], ["class+localisation", "missed"]),
        ([(*_BOX, 0.9, 0), (*_BOX, 0.8, 0)], ["duplicate"]),
        ([(*_FAR, 0.9, 0)], ["background", "missed"]),
        ([], ["missed"]),
        ([(*_BOX, 0.9, 0), (*_HALF_OFF, 0.8, 0)], ["localisation"]),
        ([(*_BOX, 0.9, 1), (*_BOX, 0.8, 0)], ["class"]),
        ([(*_BOX, 0.1, 0)], ["missed"]),
    ],
)
def test_a_mistake_has_the_kind_that_tide_gives_it(detections: list[tuple[float, ...]], kinds: list[str]) -> None:
    verdict = classify_errors(sample("a", detections, [(*_BOX, 0)]), 0.25)  # type: ignore[arg-type]
    assert [error.kind for error in verdict.errors] == kinds


def test_a_mistake_says_what_it_is_about() -> None:
    seen = sample("a", [(*_HALF_OFF, 0.9, 1)], [(*_BOX, 0)])
    wrong, missed = classify_errors(seen, 0.25).errors
    assert (wrong.labelled, wrong.predicted, wrong.class_id) == (0, 1, 0)
    assert (wrong.confidence, wrong.iou) == (pytest.approx(0.9), pytest.approx(1 / 3))
    assert wrong.box_4.tolist() == list(_HALF_OFF)
    assert (missed.labelled, missed.predicted, missed.confidence) == (0, None, None)
    assert missed.box_4.tolist() == list(_BOX)


def test_the_most_confident_detection_finds_the_label() -> None:
    seen = sample("a", [(*_BOX, 0.6, 0), (110, 100, 200, 200, 0.9, 0)], [(*_BOX, 0)])
    (twice,) = classify_errors(seen, 0.25).errors
    assert twice.kind is ErrorType.DUPLICATE
    assert twice.confidence == pytest.approx(0.6)


def test_boxes_are_drawn_as_found_missed_or_wrong_and_mistakes_said_in_words() -> None:
    seen = sample("a", [(*_BOX, 0.9, 0), (*_FAR, 0.8, 1)], [(*_BOX, 0), (300, 300, 350, 350, 1)])
    verdict = classify_errors(seen, 0.25)
    boxes = {box.outcome: box.corners for box in verdict.outcomes(500)}
    assert boxes[MarkOutcome.FOUND] == pytest.approx([edge / 500 for edge in _BOX])
    assert boxes[MarkOutcome.WRONG] == pytest.approx([edge / 500 for edge in _FAR])
    assert boxes[MarkOutcome.MISSED] == pytest.approx([0.6, 0.6, 0.7, 0.7])
    assert outcome_counts(verdict.outcomes(500)) == "found 1, missed 1, wrong 1"
    assert [error.in_words(("hammer", "saw")) for error in verdict.errors] == ["saw on nothing", "saw missed"]


def test_sizes_are_those_of_coco() -> None:
    squares = {
        side: BoxSize.of(np.array([10, 10, 10 + side, 10 + side], dtype=np.float32)) for side in (31, 32, 95, 96)
    }
    assert squares == {31: BoxSize.SMALL, 32: BoxSize.MEDIUM, 95: BoxSize.MEDIUM, 96: BoxSize.LARGE}


def _studied(number: int) -> PredictedSample:
    seen = scene(number)
    empty = np.zeros(0, dtype=np.float32)
    matches = SampleMatches(seen.sample_id, np.zeros((0, 10), dtype=bool), empty, empty, empty)
    hour_us = 3_600_000_000
    taken = None if number % 4 == 0 else 1_700_006_400_000_000 + number % 4 * hour_us
    return PredictedSample(matches, seen, FrameOrigin(f"site {number % 2}", f"camera {number % 3}", taken))


def test_counts_add_up_in_every_grouping() -> None:
    samples = [_studied(number) for number in range(40)]
    verdicts = classify_all_errors(samples, 0.25)
    summary = summarise_errors(samples, verdicts, 0.25, CLASSES)
    assert summary.errors == sum(len(verdict.errors) for verdict in verdicts) >= 20
    assert len({kind for kind, count in summary.types.items() if count}) >= 5
    for groups in (summary.by_class, summary.by_size, summary.by_site, summary.by_camera, summary.by_hour):
        assert len(groups) > 1
        assert sum(group.labels for group in groups) == summary.labels
        for kind in ErrorType:
            assert sum(group.types[kind] for group in groups) == summary.types[kind]
    assert [group.name for group in summary.by_hour] == ["01", "02", "03", "unknown"]
    assert [group.name for group in summary.by_site] == ["site 0", "site 1"]
    assert len(summary.by_camera) == 6
    missed = summary.types[ErrorType.MISSED]
    assert summary.right == summary.detections - (summary.errors - missed)


def test_a_confusion_matrix_counts_each_label_and_each_detection_once() -> None:
    samples = [scene(number) for number in range(40)]
    verdicts = [classify_errors(detected, 0.25) for detected in samples]
    counts = confusion(verdicts, samples, 0.25, len(CLASSES))
    labels = np.bincount(np.concatenate([detected.labelled_L for detected in samples]), minlength=len(CLASSES))
    predictions = np.bincount(
        np.concatenate([detected.above(0.25).predicted_P for detected in samples]), minlength=len(CLASSES)
    )
    np.testing.assert_array_equal(counts[:, :-1].sum(axis=0), labels)
    np.testing.assert_array_equal(counts[:-1].sum(axis=1), predictions)
    right = sum(labelled == predicted for verdict in verdicts for labelled, predicted in verdict.assigned)
    assert np.trace(counts[:-1, :-1]) == right
    assert counts.min() >= 0
    swapped = sample("a", [(*_BOX, 0.9, 1)], [(*_BOX, 0)])
    assert confusion([classify_errors(swapped, 0.25)], [swapped], 0.25, 2).tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
