"""Evaluation: detections matched to labels as ultralytics' validator does, gathered sample by sample."""

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raypp.detect.engines.network import EngineNetwork
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.ultralytics import DetectionModel, DetectionValidator, DetMetrics, non_max_suppression, smooth
from raypp.evaluate.detections import SampleDetections
from raypp.evaluate.matching import JoinedMatches, SampleMatches
from raypp.evaluate.scores import ClassScores, Scores

LEAST_CONFIDENCE = 0.01
"""Least confidence of detections whose boxes are kept: most of 300 a sample are below it, and few of them right."""
_CONFIDENCE = 0.001
_NMS_IOU = 0.7
_MOST_DETECTIONS = 300
_F1_WINDOW = 0.1  # smoothing of the F1 curve, as where ultralytics chooses its confidence


@dataclass(frozen=True)
class Curves:
    """Precision over recall at IoU 0.5, of the K classes that are labelled at all.

    Attributes:
        classes: their names.
        recall_R: float64[R], from 0 to 1.
        precision_KR: float64[K, R].
        confidence: the confidence of the best mean F1, at which precision and recall are given.
    """

    classes: tuple[str, ...]
    recall_R: npt.NDArray[np.float64]
    precision_KR: npt.NDArray[np.float64]
    confidence: float


class DetectionMatcher:
    """Runs a detector on batches and matches what it finds.

    Args:
        model: the detector, or an engine that runs it; put into evaluation mode while it runs.
        pixels: side of the square, in source pixels.
        device: where it runs.
    """

    def __init__(self, model: DetectionModel | EngineNetwork, pixels: int, device: torch.device) -> None:
        self._model = model
        self._pixels = pixels
        self._device = device
        with tempfile.TemporaryDirectory() as folder:
            arguments = {"conf": _CONFIDENCE, "iou": _NMS_IOU, "plots": False, "mode": "val"}
            self._validator: Any = DetectionValidator(save_dir=Path(folder), args=arguments)
        self._validator.device = device

    def match(self, batches: Iterable[DetectionBatch]) -> list[SampleMatches]:
        """Detect on every batch; returns one entry a sample, in order."""
        with self._evaluating():
            return [self._matches(*sample) for batch in batches for sample in self._found(batch)]

    def predict(self, batch: DetectionBatch) -> list[tuple[SampleMatches, SampleDetections]]:
        """Detect on a batch; returns for each sample, in order, what `match` does, and the boxes behind it.

        Detections below a confidence of `LEAST_CONFIDENCE` are matched, but their boxes are not kept.
        """
        with self._evaluating():
            return [(self._matches(*sample), _boxes(*sample)) for sample in self._found(batch)]

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self._model.training
        self._model.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            self._model.train(training)

    def _found(self, batch: DetectionBatch) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Yield sample, detections float[P, 6] (corners, confidence, class), labels float[L, 5] (corners, class)."""
        # Not the validator's own postprocess: its NMS gives up in silence after some seconds, on a busy machine too.
        detections_N = non_max_suppression(
            self._model(batch.network_inputs(self._device)),
            _CONFIDENCE,
            _NMS_IOU,
            multi_label=True,
            max_det=_MOST_DETECTIONS,
            max_time_img=math.inf,
            end2end=self._model.end2end,
        )
        for index, (sample_id, detections) in enumerate(zip(batch.sample_ids, detections_N, strict=True)):
            mine = batch.image_of_M == index
            centre, size = batch.boxes_M4[mine, :2] * self._pixels, batch.boxes_M4[mine, 2:] * self._pixels
            labels = torch.cat([centre - size / 2, centre + size / 2, batch.class_of_M[mine, None]], dim=1)
            yield sample_id, detections, labels.to(self._device)

    def _matches(self, sample_id: str, detections: Tensor, labels: Tensor) -> SampleMatches:
        detected = {"bboxes": detections[:, :4], "conf": detections[:, 4], "cls": detections[:, 5]}
        return SampleMatches(
            sample_id=sample_id,
            correct_PT=self._validator._process_batch(detected, {"bboxes": labels[:, :4], "cls": labels[:, 4]})["tp"],  # noqa: SLF001
            confidence_P=detected["conf"].cpu().numpy(),
            predicted_P=detected["cls"].cpu().numpy(),
            labelled_L=labels[:, 4].cpu().numpy(),
        )


def _boxes(sample_id: str, detections: Tensor, labels: Tensor) -> SampleDetections:
    kept = detections[detections[:, 4] >= LEAST_CONFIDENCE].cpu().numpy()
    labelled = labels.cpu().numpy()
    return SampleDetections(
        sample_id=sample_id,
        boxes_P4=kept[:, :4],
        confidence_P=kept[:, 4],
        predicted_P=kept[:, 5].astype(np.int64),
        label_boxes_L4=labelled[:, :4],
        labelled_L=labelled[:, 4].astype(np.int64),
    )


def score(matches: Iterable[SampleMatches], classes: Sequence[str]) -> Scores:
    """Score matched samples; a sample that came twice counts once, so padding of a distributed run does no harm."""
    return score_with_curves(matches, classes)[0]


def score_with_curves(matches: Iterable[SampleMatches], classes: Sequence[str]) -> tuple[Scores, Curves]:
    """Score matched samples as `score` does, with the curves behind the scores."""
    once = sorted({sample.sample_id: sample for sample in matches}.values(), key=lambda sample: sample.sample_id)
    return score_joined(JoinedMatches.of(once), classes)


def score_joined(matches: JoinedMatches, classes: Sequence[str]) -> tuple[Scores, Curves]:
    """Score matches of samples that come once each, with the curves behind the scores."""
    labels = len(matches.labelled_L)
    if not labels:
        nothing = Scores(samples=matches.samples, labels=0, precision=0, recall=0, map50=0, map50_95=0, classes=())
        return nothing, Curves((), np.zeros(0), np.zeros((0, 0)), 0.0)
    metrics: Any = DetMetrics(names=dict(enumerate(classes)))
    metrics.stats = {  # not by its `update_stats`, which keeps figures of each sample as well
        "tp": [matches.correct_PT],
        "conf": [matches.confidence_P],
        "pred_cls": [matches.predicted_P],
        "target_cls": [matches.labelled_L],
        "target_img": [matches.image_classes],
    }
    metrics.process()
    numbers = [int(number) for number in metrics.ap_class_index]
    precision, recall, map50, map50_95 = map(float, metrics.mean_results())
    scores = Scores(
        samples=matches.samples,
        labels=labels,
        precision=precision,
        recall=recall,
        map50=map50,
        map50_95=map50_95,
        classes=tuple(_class_scores(metrics, row, number, classes) for row, number in enumerate(numbers)),
    )
    best = smooth(metrics.box.f1_curve.mean(0), _F1_WINDOW).argmax()
    return scores, Curves(
        classes=tuple(classes[number] for number in numbers),
        recall_R=np.asarray(metrics.box.px, dtype=np.float64),
        precision_KR=np.asarray(metrics.box.prec_values, dtype=np.float64),
        confidence=float(metrics.box.px[best]),
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
