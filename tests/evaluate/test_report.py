"""A report's images show what they should, and its files are what their readers expect."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.detect.inputs.batch import NO_CELL
from raypp.errors import OptionError
from raypp.evaluate.detections import SampleDetections
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.plots import confusion_image, precision_recall_image
from raypp.evaluate.report import EvaluationReport, make_evaluation_report, write_evaluation_report
from raypp.evaluate.request import FrameOrigin, PredictedSample
from raypp.media.drawing import OUTCOME_COLOURS, MarkOutcome
from tests.detect.scenes import CLASSES, PIXELS, scene

_GRID = 16


def _matches(seen: SampleDetections) -> SampleMatches:
    """Detections that are right wherever their class and IoU are: enough for scores that are neither 0 nor 1."""
    iou = np.where(seen.predicted_P[:, None] == seen.labelled_L[None], seen.overlaps(), 0).max(axis=1)
    return SampleMatches(
        sample_id=seen.sample_id,
        correct_PT=iou[:, None] >= np.linspace(0.5, 0.95, 10)[None],
        confidence_P=seen.confidence_P,
        predicted_P=seen.predicted_P.astype(np.float32),
        labelled_L=seen.labelled_L.astype(np.float32),
    )


def _studied(number: int) -> PredictedSample:
    seen = scene(number)
    codes = None
    if number < 5:
        codes = np.random.default_rng(number).integers(0, 8, (5, _GRID, _GRID), dtype=np.uint8)
        codes[:-1, : number + 1] = NO_CELL
        codes[-1] = number % 2
    return PredictedSample(_matches(seen), seen, FrameOrigin("plant", f"camera {number % 2}", None), codes)


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    samples = [_studied(number) for number in range(60)]
    return make_evaluation_report([*samples[::-1], *samples[:9]], CLASSES, PIXELS)


def test_order_and_repetition_change_nothing(report: EvaluationReport) -> None:
    again = make_evaluation_report([_studied(number) for number in range(60)], CLASSES, PIXELS)
    assert again.scores == report.scores
    assert again.errors == report.errors
    assert again.scores.samples == 60
    assert 0.5 < again.scores.map50 < 1
    assert [camera.samples for camera in again.scores.by_camera] == [30, 30]


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_files_are_what_their_readers_expect(report: EvaluationReport, tmp_path: Path) -> None:
    drawn = write_evaluation_report(report, tmp_path / "made" / "here")
    folder = tmp_path / "made" / "here"
    names = (
        "confusion.png detections.csv detections.png label-suspects.csv mistakes.csv mistakes.json pr.png scores.json"
    )
    assert sorted(path.name for path in folder.iterdir()) == names.split()
    rows = _rows(folder / "mistakes.csv")
    counted = json.loads((folder / "mistakes.json").read_text())
    assert len(rows) == counted["mistakes"] == len(report.rows) > 20
    for row, error in zip(rows, report.rows, strict=True):
        x, y, w, h = (float(row[name]) * PIXELS for name in "xywh")
        assert [x - w / 2, y - h / 2, x + w / 2, y + h / 2] == pytest.approx(error.box_4.tolist(), abs=0.02)
        assert row["kind"] == error.kind
        assert (row["class"] == "") == (error.kind == "background")
        assert (row["predicted"] == "") == (error.kind == "missed")
    issues = [float(row["score"]) for row in _rows(folder / "label-suspects.csv")]
    assert issues == sorted(issues)
    assert issues
    detections = _rows(folder / "detections.csv")
    assert len(detections) == counted["detections"]
    assert json.loads((folder / "scores.json").read_text())["map50"] == report.scores.map50
    assert drawn.detections is not None
    for name, image in (("pr", drawn.precision_recall), ("detections", drawn.detections)):
        np.testing.assert_array_equal(np.asarray(Image.open(folder / f"{name}.png")), image)


def test_boxes_are_drawn_on_the_codes_that_were_kept(report: EvaluationReport) -> None:
    drawn = report.images().detections
    assert drawn is not None
    colours = {tuple(colour) for colour in drawn.reshape(-1, 3)}
    assert {OUTCOME_COLOURS[outcome] for outcome in MarkOutcome} <= colours
    assert drawn.shape[0] < drawn.shape[1], "cut to the frames, without what lies around them"
    few = make_evaluation_report([_studied(number) for number in range(10, 14)], CLASSES, PIXELS)
    assert few.images().detections is None


def test_curves_and_confusions_are_drawn_for_any_number_of_classes(report: EvaluationReport) -> None:
    many = [f"class {number}" for number in range(60)]
    plain = confusion_image(np.eye(61, dtype=np.int64) * 3, many, 0.5)
    assert plain.shape[2] == 3
    assert plain.std() > 10
    nothing = make_evaluation_report([], CLASSES, PIXELS)
    assert precision_recall_image(nothing.curves, nothing.scores).std() > 1
    assert report.images().confusion.shape[0] > 300


def test_a_folder_that_cannot_be_written_is_named(report: EvaluationReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match=r"`report` .*file"):
        write_evaluation_report(report, tmp_path / "file")


def test_the_worst_frames_are_those_with_the_most_mistakes(report: EvaluationReport) -> None:
    counted = Counter(row.sample_id for row in report.rows)
    worst = report.worst(5)
    assert [counted[name] for name in worst] == sorted(counted.values(), reverse=True)[:5]
    right = make_evaluation_report([], CLASSES, PIXELS)
    assert right.worst(5) == ()
