"""Tables of a report as CSV; boxes as labels have them: centre, width, height, as fractions of the square's side."""

import csv
import io
from collections.abc import Iterable, Sequence

from raypp.evaluate.detections import FloatArray, SampleDetections, fractions
from raypp.evaluate.errors import ErrorRecord
from raypp.evaluate.label_issues import LabelIssue
from raypp.text.csv_cells import as_cell

_BOX = ("x", "y", "w", "h")


def errors_table(errors: Iterable[ErrorRecord], classes: Sequence[str], pixels: int) -> bytes:
    """Write one line a error; what a error does not have is empty."""
    rows = (
        [
            error.sample_id,
            error.kind,
            _name(error.labelled, classes),
            _name(error.predicted, classes),
            _figure(error.confidence),
            _figure(error.iou),
            *_place(error.box_4, pixels),
        ]
        for error in errors
    )
    return _csv(("sample_id", "kind", "class", "predicted", "confidence", "iou", *_BOX), rows)


def label_issues_table(issues: Iterable[LabelIssue], classes: Sequence[str], pixels: int) -> bytes:
    """Write one line a suspected label error, in the order given."""
    rows = (
        [
            issue.sample_id,
            issue.kind,
            _figure(issue.score),
            _figure(issue.sample_score),
            _name(issue.labelled, classes),
            _name(issue.predicted, classes),
            _figure(issue.confidence),
            *_place(issue.box_4, pixels),
        ]
        for issue in issues
    )
    columns = ("sample_id", "kind", "score", "sample_score", "class", "predicted", "confidence", *_BOX)
    return _csv(columns, rows)


def detections_table(
    samples: Iterable[SampleDetections], confidence: float, classes: Sequence[str], pixels: int
) -> bytes:
    """Write one line a detection from a confidence on, in the columns that `raypp show --detections` reads."""
    rows = (
        [kept.sample_id, classes[number], _figure(float(sure)), *_place(box, pixels)]
        for kept in (sample.above(confidence) for sample in samples)
        for box, number, sure in zip(kept.boxes_P4, kept.predicted_P, kept.confidence_P, strict=True)
    )
    return _csv(("sample_id", "class", "confidence", *_BOX), rows)


def _name(number: int | None, classes: Sequence[str]) -> str:
    return "" if number is None else classes[number]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _place(box_4: FloatArray, pixels: int) -> list[str]:
    return [f"{value:.5f}" for value in fractions(box_4, pixels)]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(as_cell, row) for row in rows)
    return text.getvalue().encode()
