"""The demo's second half: a small detector learns from veiled frames, and is drawn at work on held-out ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.demo.image import Detected
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.schedule import SchedulePart
from raypp.evaluate.errors import classify_errors
from raypp.evaluate.predict import predict_here
from raypp.evaluate.report import EvaluationReport, make_evaluation_report, write_evaluation_report
from raypp.evaluate.request import PredictedSample, PredictSettings
from raypp.execution import ExecutionSettings
from raypp.geometry.window import Window
from raypp.progress import Progress
from raypp.shards.labels import list_versions
from raypp.shards.reader import ShardReader
from raypp.shards.split_by import SplitBy
from raypp.shards.splitting import Split, write_split
from raypp.text.split_names import VAL
from raypp.train.run import TrainSummary, run_training
from raypp.train.settings import TrainSettings
from raypp.veil.view import component_view

SPLIT_NAME = "demo"
_SPLIT = Split(SplitBy.TIME, val=0.25, gap_s=1.0)
_DRAWN_PER_SITE = 2
_VIEWED_PER_SITE = 12
_ARCHITECTURE = "yolov8p"
_EPOCHS = 2
_PART = SchedulePart(before=8, whole=10)
"""At the low rates of a longer training's end: what the fit's detector knows of other benches is not to be lost."""
_BATCH = 8


@dataclass(frozen=True)
class HeldOut:
    """A held-out frame: where it is from, and what was found on it."""

    site: str
    timestamp_us: int
    detected: Detected


def train(archive: str, start: Path, out: Path, execution: ExecutionSettings, progress: Progress) -> TrainSummary:
    """Train a detector of pico size on the veiled images, and on the first three quarters of each veiled video.

    Args:
        archive: the veiled sample.
        start: the detector that the veil's fit left.
        out: folder of the run.
        execution: where to train.
        progress: is told each epoch.
    """
    write_judged_split(archive)
    settings = TrainSettings(
        archive=archive,
        out=out,
        labels_version=SPLIT_NAME,
        architecture=_ARCHITECTURE,
        weights=start,
        epochs=_EPOCHS,
        batch=_BATCH,
        nominal_batch=_BATCH,
        part=_PART,
    )
    return run_training(settings, execution, progress)


def evaluate(archive: str, detector: Path, folder: Path) -> tuple[EvaluationReport, list[HeldOut]]:
    """Evaluate a detector on the held-out frames, write its report, and pick the frames to draw.

    Args:
        archive: the veiled sample.
        detector: folder of the detector.
        folder: where the report goes.
    """
    dataset = VeiledDataset.open(archive, SPLIT_NAME)
    frames = _held_out(dataset)
    viewed = {sample_id for names in frames.values() for sample_id in _spread(list(names), _VIEWED_PER_SITE)}
    settings = PredictSettings(
        archive=archive, labels_version=SPLIT_NAME, split=VAL, detector=detector, shown=frozenset(viewed)
    )
    report = make_evaluation_report(predict_here(settings), dataset.classes, dataset.header.size)
    write_evaluation_report(report, folder)
    samples = {sample.matches.sample_id: sample for sample in report.samples}
    drawn = []
    for site, rows in frames.items():
        names = _spread(list(rows), _VIEWED_PER_SITE)
        views = _views([samples[name] for name in names], [rows[name][1] for name in names])
        for name in _spread(names, _DRAWN_PER_SITE):
            verdict = classify_errors(samples[name].detections, report.errors.confidence)
            detected = Detected(rows[name][1], views[names.index(name)], verdict.outcomes(dataset.header.size))
            drawn.append(HeldOut(site, rows[name][0], detected))
    return report, drawn


def write_judged_split(archive: str) -> None:
    """Write one label version of images and videos, in which all is to train on but the end of each video.

    Args:
        archive: the veiled sample, with a label version of its images and another of its videos.
    """
    reader = ShardReader(archive)
    versions = [name for name in list_versions(reader.store) if name != SPLIT_NAME]
    write_split(reader, versions, SPLIT_NAME, _SPLIT)


def _held_out(dataset: VeiledDataset) -> dict[str, dict[str, tuple[int, Window]]]:
    """Presentation time and window of the held-out frames, by site and sample_id, in order of time."""
    frames: dict[str, dict[str, tuple[int, Window]]] = {}
    columns = ("sample_id", "site", "timestamp_us", "width", "height")
    for batch, labels in ShardReader(dataset.root).labelled(dataset.labels_version, columns):
        for row, label in zip(batch.rows.to_pylist(), labels, strict=True):
            if label.split == VAL and label.boxes:
                window = Window(dataset.header.size, dataset.header.patch, row["width"], row["height"])
                frames.setdefault(row["site"], {})[row["sample_id"]] = (row["timestamp_us"], window)
    return {
        site: dict(sorted(rows.items(), key=lambda numbered: numbered[1][0])) for site, rows in sorted(frames.items())
    }


def _spread(names: Sequence[str], count: int) -> list[str]:
    """Choose some, evenly spaced."""
    places = np.linspace(0, len(names) - 1, min(count, len(names)) + 2)[1:-1]
    return [names[round(float(place))] for place in places] or list(names)


def _views(samples: Sequence[PredictedSample], windows: Sequence[Window]) -> list[npt.NDArray[np.uint8]]:
    """The best three-component view of each sample's codes, in the window, a pixel to each of the source square's."""
    codes = []
    for sample, window in zip(samples, windows, strict=True):
        if sample.codes_CGG is None:
            raise AssertionError(sample.matches.sample_id)
        rows = slice(window.row_offset, window.row_offset + window.rows)
        columns = slice(window.column_offset, window.column_offset + window.columns)
        codes.append(sample.codes_CGG[:-1, rows, columns])
    sized = zip(component_view(codes), windows, strict=True)
    return [
        np.asarray(
            Image.fromarray(view).resize(
                (window.columns * window.patch, window.rows * window.patch), Image.Resampling.NEAREST
            )
        )
        for view, window in sized
    ]
