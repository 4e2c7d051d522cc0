"""Evaluation: detections matched to labels as ultralytics' validator does, gathered sample by sample."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field

from raypp.detect.batch import DetectionBatch
from raypp.detect.library import DetectionModel, DetectionValidator, DetMetrics

_CONFIDENCE = 0.001
_NMS_IOU = 0.7


class ClassScores(BaseModel):
    """Scores of one class."""

    model_config = ConfigDict(frozen=True)

    name: str
    labels: int = Field(description="labelled boxes")
    precision: float = Field(description="at the confidence of best F1")
    recall: float = Field(description="at the confidence of best F1")
    map50: float
    map50_95: float


class Scores(BaseModel):
    """Scores of a detector, by the standard definition of mean average precision."""

    model_config = ConfigDict(frozen=True)

    samples: int
    labels: int
    precision: float
    recall: float
    map50: float = Field(description="mean average precision at IoU 0.5")
    map50_95: float = Field(description="mean over IoU 0.5, 0.55 ... 0.95")
    classes: tuple[ClassScores, ...] = Field(description="classes that are labelled at all")


@dataclass(frozen=True)
class SampleMatches:
    """Detections on one sample, matched.

    Attributes:
        sample_id: the sample.
        correct_PT: bool[P, 10], whether each detection is right at IoU 0.5, 0.55 ... 0.95.
        confidence_P: float32[P].
        predicted_P: class of each detection, float32[P].
        labelled_L: class of each labelled box, float32[L].
    """

    sample_id: str
    correct_PT: npt.NDArray[np.bool_]
    confidence_P: npt.NDArray[np.float32]
    predicted_P: npt.NDArray[np.float32]
    labelled_L: npt.NDArray[np.float32]


class Matcher:
    """Runs a detector on batches and matches what it finds.

    Args:
        model: the detector; put into evaluation mode while it runs.
        pixels: side of the square, in source pixels.
        device: where it runs.
    """

    def __init__(self, model: DetectionModel, pixels: int, device: torch.device) -> None:
        self._model = model
        self._pixels = pixels
        self._device = device
        with tempfile.TemporaryDirectory() as folder:
            arguments = {"conf": _CONFIDENCE, "iou": _NMS_IOU, "plots": False, "mode": "val"}
            self._validator: Any = DetectionValidator(save_dir=Path(folder), args=arguments)
        self._validator.end2end = model.end2end
        self._validator.device = device

    def match(self, batches: Iterable[DetectionBatch]) -> list[SampleMatches]:
        """Detect on every batch; returns one entry a sample, in order."""
        training = self._model.training
        self._model.eval()
        try:
            with torch.inference_mode():
                return [one for batch in batches for one in self._match(batch)]
        finally:
            self._model.train(training)

    def _match(self, batch: DetectionBatch) -> Iterable[SampleMatches]:
        found = self._validator.postprocess(self._model(batch.inputs.to(self._device)))
        for index, (sample_id, detections) in enumerate(zip(batch.sample_ids, found, strict=True)):
            mine = batch.image_of_M == index
            centre, size = batch.boxes_M4[mine, :2] * self._pixels, batch.boxes_M4[mine, 2:] * self._pixels
            labels = {
                "cls": batch.class_of_M[mine].to(self._device),
                "bboxes": torch.cat([centre - size / 2, centre + size / 2], dim=1).to(self._device),
            }
            yield SampleMatches(
                sample_id=sample_id,
                correct_PT=self._validator._process_batch(detections, labels)["tp"],  # noqa: SLF001
                confidence_P=detections["conf"].cpu().numpy(),
                predicted_P=detections["cls"].cpu().numpy(),
                labelled_L=labels["cls"].cpu().numpy(),
            )


def score(matches: Sequence[SampleMatches], classes: Sequence[str]) -> Scores:
    """Score matched samples; a sample that came twice counts once, so padding of a distributed run does no harm."""
    once = sorted({one.sample_id: one for one in matches}.values(), key=lambda one: one.sample_id)
    metrics: Any = DetMetrics(names=dict(enumerate(classes)))
    for one in once:
        metrics.update_stats(
            {
                "tp": one.correct_PT,
                "conf": one.confidence_P,
                "pred_cls": one.predicted_P,
                "target_cls": one.labelled_L,
                "target_img": np.unique(one.labelled_L),
                "im_name": one.sample_id,
            }
        )
    labels = sum(len(one.labelled_L) for one in once)
    if not labels:
        return Scores(samples=len(once), labels=0, precision=0, recall=0, map50=0, map50_95=0, classes=())
    metrics.process()
    numbers = [int(number) for number in metrics.ap_class_index]
    precision, recall, map50, map50_95 = map(float, metrics.mean_results())
    return Scores(
        samples=len(once),
        labels=labels,
        precision=precision,
        recall=recall,
        map50=map50,
        map50_95=map50_95,
        classes=tuple(_class_scores(metrics, row, number, classes) for row, number in enumerate(numbers)),
    )


def _class_scores(metrics: Any, row: int, number: int, classes: Sequence[str]) -> ClassScores:
    precision, recall, map50, map50_95 = map(float, metrics.class_result(row))
    return ClassScores(
        name=classes[number],
        labels=int(metrics.nt_per_class[number]),
        precision=precision,
        recall=recall,
        map50=map50,
        map50_95=map50_95,
    )
