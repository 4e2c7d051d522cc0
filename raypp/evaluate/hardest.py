"""Unlabelled frames on which a detector is least sure of what it sees: a label there teaches it most."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from raypp.detect.checkpoint import read_model_info
from raypp.detect.model_info import detector_folder
from raypp.errors import ConflictError
from raypp.evaluate.detections import SampleDetections
from raypp.evaluate.predict import PREDICT_BATCH, PREDICT_COLUMNS, Predictor
from raypp.evaluate.request import PredictSettings
from raypp.progress import SILENT, Progress
from raypp.shards.labels import LabelTable
from raypp.shards.reader import ShardReader

_PLACE = ("source", "timestamp_us")
_GAP_US = 1_000_000


@dataclass(frozen=True)
class HardFrame:
    """An unlabelled frame, and how unsure a detector is of it.

    Attributes:
        sample_id: the frame.
        uncertainty: sum of the entropies of its detections' confidences, in bits.
    """

    sample_id: str
    uncertainty: float


def uncertainty(detections: SampleDetections) -> float:
    """Return how unsure a detector is of a frame: the entropies of its confidences, summed, in bits.

    A detection of confidence 0.5 counts 1, one of confidence 0 or 1 nothing.
    """
    sure = np.clip(detections.confidence_P.astype(np.float64), 1e-9, 1 - 1e-9)
    return float(-(sure * np.log2(sure) + (1 - sure) * np.log2(1 - sure)).sum())


def hardest_frames(
    reader: ShardReader, table: LabelTable, model: Path, most: int, progress: Progress = SILENT
) -> tuple[HardFrame, ...]:
    """Return the frames that a label version does not label and a detector is least sure of, the hardest first.

    Of frames of one source within a second of each other only the hardest counts: the others would teach the same.

    Args:
        reader: the archive.
        table: the label version.
        model: a run of training, its detector folder, or an exported file.
        most: frames to return at most.
        progress: is told how far it is.

    Raises:
        ModelError: if the detector cannot be read.
        ConflictError: if it is of another veil or size.
        ShardError: if the archive cannot be read.
    """
    detector = detector_folder(model)
    info = read_model_info(detector)
    for what, own, other in (
        ("veil", info.veil_id, reader.header.veil_id),
        ("size", info.size, reader.header.size),
    ):
        if own != other:
            raise ConflictError(
                f"detector {detector} is of {what} {own}, and {reader.store.root} of {other}; give a detector that "
                "was trained on this veil"
            )
    settings = PredictSettings(archive=reader.store.root, labels_version=table.version, split="", detector=detector)
    predictor = Predictor.open(settings)
    frames = sum(receipt.source_frames for receipt in reader.manifest.receipts)
    unlabelled = _unlabelled(reader, table)
    ranked = []
    with progress.task("looking for hard frames", frames) as advance:
        while rows := list(islice(unlabelled, PREDICT_BATCH)):
            samples = predictor(rows)
            for row, sample in zip(rows, samples, strict=True):
                ranked.append((-uncertainty(sample.detections), row["sample_id"], row["source"], row["timestamp_us"]))
            advance(len(rows), "", len(rows))
    return tuple(_spread(sorted(ranked), most))


def _spread(ranked: list[tuple[float, str, str, int]], most: int) -> Iterator[HardFrame]:
    taken: dict[str, list[int]] = {}
    count = 0
    for negative, sample_id, source, time_us in ranked:
        if count == most:
            return
        times = taken.setdefault(source, [])
        if all(abs(time_us - other) >= _GAP_US for other in times):
            times.append(time_us)
            count += 1
            yield HardFrame(sample_id, -negative)


def _unlabelled(reader: ShardReader, table: LabelTable) -> Iterator[dict[str, Any]]:
    labelled = pc.unique(table.columns["sample_id"])
    for batch in reader.iterate((*PREDICT_COLUMNS, *_PLACE)):
        is_labelled = pc.is_in(batch.rows.column("sample_id"), labelled)
        free = batch.rows.filter(pc.and_(pc.invert(is_labelled), pc.equal(batch.rows.column("variant"), 0)))
        for row in free.to_pylist():
            yield row | {"boxes": []}
