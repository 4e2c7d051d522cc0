"""The report of an evaluation: scores, mistakes, suspected label errors, and their images, as files and as values."""

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
from raypp.evaluate.error_summary import MistakeSummary, camera_of, judge_all, site_of, tally
from raypp.evaluate.errors import Mistake, confusion
from raypp.evaluate.label_issues import LabelSuspect, label_suspects
from raypp.evaluate.metrics import STUDY_CONFIDENCE, Curves, score, score_with_curves
from raypp.evaluate.plots import Pixels, confusion_image, detections_image, precision_recall_image
from raypp.evaluate.request import Origin, StudiedSample, in_order
from raypp.evaluate.scores import Scores
from raypp.evaluate.tables import detections_table, mistakes_table, suspects_table
from raypp.io.atomic import write_bytes

SCORES_FILE = "scores.json"
MISTAKES_FILE = "mistakes.json"
MISTAKES_TABLE = "mistakes.csv"
SUSPECTS_TABLE = "label-suspects.csv"
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


@dataclass(frozen=True)
class Images:
    """The images of a report, RGB uint8[H, W, 3]; `detections` is None where no codes were kept."""

    precision_recall: Pixels
    confusion: Pixels
    detections: Pixels | None


@dataclass(frozen=True)
class Report:
    """What is to be said of a detector.

    Attributes:
        scores: the scores.
        curves: the curves behind them.
        mistakes: the mistakes, counted.
        rows: the mistakes, one by one, sample by sample.
        confusion_NN: detections by predicted (row) and labelled (column) class, the last of each for background.
        suspects: suspected label errors, the most suspicious first.
        samples: what it was made of, by sample_id.
        classes: names of the classes.
        pixels: side of the square.
    """

    scores: EvaluationScores
    curves: Curves
    mistakes: MistakeSummary
    rows: tuple[Mistake, ...]
    confusion_NN: npt.NDArray[np.int64]
    suspects: tuple[LabelSuspect, ...]
    samples: tuple[StudiedSample, ...]
    classes: tuple[str, ...]
    pixels: int

    def worst(self, most: int = MOST_SHOWN) -> tuple[str, ...]:
        """Return the samples with the most mistakes, the worst first; where there are none, any ones."""
        made = Counter(row.sample_id for row in self.rows)
        labelled = [one.matches.sample_id for one in self.samples if len(one.detections.labelled_L)]
        return tuple(sorted(made.keys() or labelled, key=lambda name: (-made[name], name))[:most])

    def _shown(self) -> list[StudiedSample]:
        """Some samples whose codes were kept, those with the most mistakes first."""
        made = Counter(row.sample_id for row in self.rows)
        kept = [one for one in self.samples if one.codes_CGG is not None]
        return sorted(kept, key=lambda one: (-made[one.matches.sample_id], one.matches.sample_id))[:MOST_SHOWN]

    def images(self) -> Images:
        """Draw the images."""
        confidence = self.mistakes.confidence
        return Images(
            precision_recall=precision_recall_image(self.curves, self.scores),
            confusion=confusion_image(self.confusion_NN, self.classes, confidence),
            detections=detections_image(self._shown(), self.classes, self.pixels, confidence),
        )


def make_report(samples: Iterable[StudiedSample], classes: tuple[str, ...], pixels: int) -> Report:
    """Make the report of studied samples; their order and repetition change nothing.

    Args:
        samples: each labelled frame, studied.
        classes: names of the classes.
        pixels: side of the letterboxed square.
    """
    once = in_order(samples)
    scores, curves = score_with_curves([one.matches for one in once], classes)
    confidence = max(curves.confidence, STUDY_CONFIDENCE)
    verdicts = judge_all(once, confidence)
    detections = [one.detections for one in once]
    return Report(
        scores=with_groups(scores, once, classes),
        curves=curves,
        mistakes=tally(once, verdicts, confidence, classes),
        rows=tuple(mistake for verdict in verdicts for mistake in verdict.mistakes),
        confusion_NN=confusion(verdicts, detections, confidence, len(classes)),
        suspects=label_suspects(detections, confidence),
        samples=once,
        classes=classes,
        pixels=pixels,
    )


def write_report(report: Report, folder: Path) -> Images:
    """Write a report's files into a folder, which is made if it is not there; returns the images that it drew.

    Raises:
        OptionError: if the folder cannot be written to.
    """
    drawn, classes, pixels = report.images(), report.classes, report.pixels
    detections = [one.detections for one in report.samples]
    files = {
        SCORES_FILE: f"{report.scores.model_dump_json(indent=1)}\n".encode(),
        MISTAKES_FILE: f"{report.mistakes.model_dump_json(indent=1)}\n".encode(),
        MISTAKES_TABLE: mistakes_table(report.rows, classes, pixels),
        SUSPECTS_TABLE: suspects_table(report.suspects, classes, pixels),
        DETECTIONS_TABLE: detections_table(detections, report.mistakes.confidence, classes, pixels),
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


def with_groups(scores: Scores, samples: Sequence[StudiedSample], classes: Sequence[str]) -> EvaluationScores:
    """Add the scores of each site and camera."""

    def by(name_of: Callable[[Origin], str]) -> tuple[GroupScores, ...]:
        groups: dict[str, list[StudiedSample]] = {}
        for one in samples:
            groups.setdefault(name_of(one.origin), []).append(one)
        return tuple(_group(name, groups[name], classes) for name in sorted(groups))

    return EvaluationScores(**dict(scores), by_site=by(site_of), by_camera=by(camera_of))


def _group(name: str, samples: Sequence[StudiedSample], classes: Sequence[str]) -> GroupScores:
    own = score([one.matches for one in samples], classes)
    return GroupScores(name=name, samples=own.samples, labels=own.labels, map50=own.map50, map50_95=own.map50_95)


def _png(image: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()
