"""The report of an evaluation: scores, errors, suspected label errors, and their images, as files and as values."""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import OptionError
from raypp.evaluate.error_summary import ErrorSummary, camera_of, classify_all_errors, site_of, summarise_errors
from raypp.evaluate.errors import ErrorRecord, confusion
from raypp.evaluate.label_issues import LabelIssue, label_issues
from raypp.evaluate.matching import JoinedMatches, SampleMatches
from raypp.evaluate.metrics import LEAST_CONFIDENCE, Curves, score_joined
from raypp.evaluate.plots import RgbImage, confusion_image, detections_image, precision_recall_image
from raypp.evaluate.request import FrameOrigin, PredictedSample
from raypp.evaluate.sample_table import SampleTable
from raypp.evaluate.scores import EvaluationSubject, Scores
from raypp.evaluate.tables import detections_table, errors_table, label_issues_table
from raypp.io.atomic import write_bytes
from raypp.text.wording import counted

SCORES_FILE = "scores.json"
ERRORS_FILE = "mistakes.json"
ERRORS_TABLE = "mistakes.csv"
LABEL_ISSUES_TABLE = "label-suspects.csv"
DETECTIONS_TABLE = "detections.csv"
PRECISION_RECALL_IMAGE = "pr.png"
CONFUSION_IMAGE = "confusion.png"
DETECTIONS_IMAGE = "detections.png"
MOST_SHOWN = 9
"""Frames that are drawn, the worst ones."""


class GroupScores(BaseModel):
    """Scores of the frames of one site or camera; means over the classes that are labelled there."""

    model_config = ConfigDict(frozen=True)

    name: str
    samples: int
    labels: int
    map50: float
    map50_95: float


class EvaluationScores(Scores):
    """Scores of a detector, over all frames and by where they were taken."""

    by_site: tuple[GroupScores, ...]
    by_camera: tuple[GroupScores, ...] = Field(description="by site/camera")
    subject: EvaluationSubject | None = Field(None, description="detector and frames; null where they are not known")


@dataclass(frozen=True)
class ReportImages:
    """The images of a report, RGB uint8[H, W, 3]; `detections` is None where no codes were kept."""

    precision_recall: RgbImage
    confusion: RgbImage
    detections: RgbImage | None


@dataclass(frozen=True, repr=False)
class EvaluationReport:
    """Scores, errors and suspected label errors of a detector.

    Attributes:
        scores: the scores.
        curves: the curves behind them.
        errors: the errors, counted.
        rows: the errors, one by one, sample by sample.
        confusion_NN: detections by predicted (row) and labelled (column) class, the last of each for background.
        issues: suspected label errors, the most suspicious first.
        samples: what it was made of, by sample_id.
        classes: names of the classes.
        pixels: side of the square.
    """

    scores: EvaluationScores
    curves: Curves
    errors: ErrorSummary
    rows: tuple[ErrorRecord, ...]
    confusion_NN: npt.NDArray[np.int64]
    issues: tuple[LabelIssue, ...]
    samples: SampleTable
    classes: tuple[str, ...]
    pixels: int

    def __repr__(self) -> str:
        scores, errors = self.scores, counted(len(self.rows), "error")
        frames = counted(scores.samples, "frame")
        return f"<EvaluationReport: mAP50 {scores.map50:.3f}, mAP50-95 {scores.map50_95:.3f} on {frames}; {errors}>"

    def worst(self, most: int = MOST_SHOWN) -> tuple[str, ...]:
        """Return the samples with the most errors, the worst first; where there are none, any ones."""
        counts = Counter(row.sample_id for row in self.rows)
        labelled = [sample.matches.sample_id for sample in self.samples if len(sample.detections.labelled_L)]
        return tuple(sorted(counts.keys() or labelled, key=lambda name: (-counts[name], name))[:most])

    def _shown(self) -> list[PredictedSample]:
        """Some samples whose codes were kept, those with the most errors first."""
        counts = Counter(row.sample_id for row in self.rows)
        kept = [sample for sample in self.samples if sample.codes_CGG is not None]
        return sorted(kept, key=lambda sample: (-counts[sample.matches.sample_id], sample.matches.sample_id))[
            :MOST_SHOWN
        ]

    def images(self) -> ReportImages:
        """Draw the images."""
        confidence = self.errors.confidence
        return ReportImages(
            precision_recall=precision_recall_image(self.curves, self.scores),
            confusion=confusion_image(self.confusion_NN, self.classes, confidence),
            detections=detections_image(self._shown(), self.classes, self.pixels, confidence),
        )


def make_evaluation_report(
    samples: Iterable[PredictedSample],
    classes: tuple[str, ...],
    pixels: int,
    subject: EvaluationSubject | None = None,
) -> EvaluationReport:
    """Make the report of predicted samples; their order and repetition change nothing.

    Args:
        samples: each labelled frame with its detections.
        classes: names of the classes.
        pixels: side of the letterboxed square.
        subject: detector and frames, where they are known.
    """
    once = samples if isinstance(samples, SampleTable) else SampleTable(samples)
    scores, curves = score_joined(JoinedMatches.of(sample.matches for sample in once), classes)
    confidence = max(curves.confidence, LEAST_CONFIDENCE)
    verdicts = classify_all_errors(once, confidence)
    return EvaluationReport(
        scores=with_groups(scores, once, classes).model_copy(update={"subject": subject}),
        curves=curves,
        errors=summarise_errors(once, verdicts, confidence, classes),
        rows=tuple(error for verdict in verdicts for error in verdict.errors),
        confusion_NN=confusion(verdicts, (sample.detections for sample in once), confidence, len(classes)),
        issues=label_issues((sample.detections for sample in once), confidence),
        samples=once,
        classes=classes,
        pixels=pixels,
    )


def write_evaluation_report(report: EvaluationReport, folder: Path) -> ReportImages:
    """Write a report's files into a folder, which is made if it is not there; returns the images that it drew.

    Raises:
        OptionError: if the folder cannot be written to.
    """
    drawn, classes, pixels = report.images(), report.classes, report.pixels
    detections = (sample.detections for sample in report.samples)
    files = {
        SCORES_FILE: f"{report.scores.model_dump_json(indent=1)}\n".encode(),
        ERRORS_FILE: f"{report.errors.model_dump_json(indent=1)}\n".encode(),
        ERRORS_TABLE: errors_table(report.rows, classes, pixels),
        LABEL_ISSUES_TABLE: label_issues_table(report.issues, classes, pixels),
        DETECTIONS_TABLE: detections_table(detections, report.errors.confidence, classes, pixels),
        PRECISION_RECALL_IMAGE: _png(drawn.precision_recall),
        CONFUSION_IMAGE: _png(drawn.confusion),
    }
    if drawn.detections is not None:
        files[DETECTIONS_IMAGE] = _png(drawn.detections)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_bytes(folder / name, content)
    except OSError as error:
        raise OptionError(f"`report` {folder}: {error.strerror}; choose a folder that can be written") from None
    return drawn


def with_groups(scores: Scores, samples: Sequence[PredictedSample], classes: Sequence[str]) -> EvaluationScores:
    """Add the scores of each site and camera."""

    def by(name_of: Callable[[FrameOrigin], str]) -> tuple[GroupScores, ...]:
        groups: dict[str, list[int]] = {}
        for place, sample in enumerate(samples):
            groups.setdefault(name_of(sample.origin), []).append(place)
        return tuple(
            _group(name, (samples[place].matches for place in groups[name]), classes) for name in sorted(groups)
        )

    return EvaluationScores(**dict(scores), by_site=by(site_of), by_camera=by(camera_of))


def _group(name: str, matches: Iterable[SampleMatches], classes: Sequence[str]) -> GroupScores:
    own, _ = score_joined(JoinedMatches.of(matches), classes)
    return GroupScores(name=name, samples=own.samples, labels=own.labels, map50=own.map50, map50_95=own.map50_95)


def _png(image: RgbImage) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()
