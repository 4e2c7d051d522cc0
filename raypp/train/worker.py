"""One worker of a training: epochs of the loop, the evaluation after each, and a checkpoint that holds them."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Self

import torch

from raypp.detect.checkpoint import build_model, read_model_info, read_state, write_checkpoint
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.model_info import ModelInfo
from raypp.errors import ConflictError
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.metrics import DetectionMatcher, score, score_with_curves
from raypp.evaluate.plots import RgbImage, detections_image, precision_recall_image
from raypp.evaluate.request import FrameOrigin, PredictedSample
from raypp.train.initial_weights import load_initial_weights
from raypp.train.results import EpochResult, record, record_images
from raypp.train.settings import TrainSettings
from raypp.train.trainer import Trainer

_DRAWN_EVERY = 10
"""Epochs between images: their frames are read anew, which costs seconds."""
_DRAWN_FRAMES = 9


@dataclass(frozen=True)
class WorkerContext:
    """The place of one worker among those that train together.

    Attributes:
        rank, workers: this worker's number, and how many there are.
        device: where this worker computes.
        wrap: makes the network that averages gradients over workers; None for one worker.
        gather: gives every worker's matches to all of them.
        report: hands an epoch's figures on, and from rank 0 the folder of its checkpoint.
    """

    rank: int
    workers: int
    device: torch.device
    wrap: Callable[[Any], Any] | None
    gather: Callable[[list[SampleMatches]], list[SampleMatches]]
    report: Callable[[dict[str, Any], Path | None], None]

    @classmethod
    def alone(cls, device: torch.device, report: Callable[[dict[str, Any], Path | None], None]) -> Self:
        """A worker without others."""
        return cls(rank=0, workers=1, device=device, wrap=None, gather=list, report=report)


def train_worker(
    settings: TrainSettings,
    info: ModelInfo,
    worker: WorkerContext,
    train_batches: Callable[[int], Iterable[DetectionBatch]],
    val_batches: Callable[[], Iterable[DetectionBatch]],
    resume: Path | None,
) -> None:
    """Train to the last epoch, from the start or from a checkpoint.

    Args:
        settings: what was asked.
        info: what the training is on.
        worker: its place among the workers.
        train_batches: this worker's share of an epoch's batches, by number of the epoch from 0.
        val_batches: this worker's share of the validation frames.
        resume: folder of the checkpoint to go on from, or None.

    Raises:
        ConflictError: if the checkpoint is of another training.
        ModelError: if the weights do not fit or the loss is not a number.
    """
    torch.manual_seed(settings.seed)
    model = build_model(info)
    if settings.weights is not None:
        load_initial_weights(model, settings.weights, info.veil_id)
    trainer = Trainer(model, info.schedule, worker.device, worker.workers, worker.rank, worker.wrap)
    if resume is not None:
        own = read_model_info(resume)
        if own != info:
            raise ConflictError(f"run {settings.out} holds another training ({own.veil_id}); choose another `out`")
        trainer.restore(read_state(resume))
    started = monotonic()
    while trainer.epoch < info.schedule.epochs:
        losses = trainer.train_epoch(train_batches(trainer.epoch))
        matcher = DetectionMatcher(trainer.ema.ema, info.size, worker.device)
        matches = worker.gather(matcher.match(val_batches()))
        result = EpochResult.of(losses, score(matches, info.classes), monotonic() - started)
        if worker.rank:
            worker.report(result.model_dump(), None)
            continue
        record(settings.out, result)  # before its checkpoint: else an epoch that a crash cuts here would be missing
        with tempfile.TemporaryDirectory() as folder:
            write_checkpoint(Path(folder), info, trainer.state())
            worker.report(result.model_dump(), Path(folder))
        if trainer.epoch % _DRAWN_EVERY == 0 or trainer.epoch == info.schedule.epochs:
            record_images(settings.out, result.epoch, _images(info, matcher, matches, val_batches()))


def _images(
    info: ModelInfo, matcher: DetectionMatcher, matches: list[SampleMatches], batches: Iterable[DetectionBatch]
) -> dict[str, RgbImage]:
    """Draw the precision-recall curve, and the first frames of the validation with what was found on their codes."""
    scores, curves = score_with_curves(matches, info.classes)
    images = {"precision-recall": precision_recall_image(curves, scores)}
    for batch in islice(batches, 1):
        nowhere = FrameOrigin("", "", None)  # a batch does not say where its frames are from
        predictions = zip(matcher.predict(batch), batch.inputs.numpy(), strict=True)
        samples = [
            PredictedSample(*prediction, nowhere, codes) for prediction, codes in islice(predictions, _DRAWN_FRAMES)
        ]
        drawn = detections_image(samples, info.classes, info.size, curves.confidence)
        if drawn is not None:
            images["detections"] = drawn
    return images
