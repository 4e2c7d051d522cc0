"""One worker of a training: epochs of the loop, the evaluation after each, and a checkpoint that holds them."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic

import torch

from raypp.detect.checkpoint import build_model, read_model_info, write_checkpoint
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.model_info import ModelInfo
from raypp.detect.reliability import write_reliabilities
from raypp.detect.training_state import read_state
from raypp.errors import ConflictError
from raypp.evaluate.metrics import score_with_curves
from raypp.evaluate.plots import RgbImage, detections_image, precision_recall_image
from raypp.evaluate.request import FrameOrigin, PredictedSample
from raypp.evaluate.scores import Scores
from raypp.train.initial_weights import load_start
from raypp.train.loop import Evaluation, TrainingData, run_epochs
from raypp.train.results import EpochResult, record_images
from raypp.train.settings import TrainSettings
from raypp.train.steps import OnStep, StepFile, TrainingStep
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext

_DRAWN_EVERY = 10
"""Epochs between images: their frames are read anew, which costs seconds."""
_DRAWN_FRAMES = 9


def train_worker(
    settings: TrainSettings,
    info: ModelInfo,
    worker: WorkerContext,
    train_batches: Callable[[int], Iterable[DetectionBatch]],
    val_batches: Callable[[], Iterable[DetectionBatch]],
    resume: Path | None,
    on_step: OnStep | None = None,
) -> None:
    """Train to the last epoch, from the start or from a checkpoint.

    Args:
        settings: what was asked.
        info: what the training is on.
        worker: its place among the workers.
        train_batches: this worker's share of an epoch's batches, by number of the epoch from 0.
        val_batches: this worker's share of the validation frames.
        resume: folder of the checkpoint to go on from, or None.
        on_step: is told of each step of the first worker, besides the file that tells whoever shows them.

    Raises:
        ConflictError: if the checkpoint is of another training.
        ModelError: if the weights do not fit or the loss is not a number.
    """
    torch.manual_seed(settings.seed)
    model = build_model(info)
    load_start(model, info, settings.weights)
    trainer = Trainer(model, info.schedule, worker.device, worker.workers, worker.rank, worker.wrap)
    if resume is not None:
        own = read_model_info(resume)
        if own != info:
            raise ConflictError(f"run {settings.out} holds another training ({own.veil_id}); choose another `out`")
        trainer.restore(read_state(resume))
    data = TrainingData(train_batches, val_batches, info.classes, info.size)
    started = monotonic()
    write_step = StepFile(settings.out).write

    def note(step: TrainingStep) -> None:
        write_step(step)
        if on_step is not None:
            on_step(step)

    for ended in run_epochs(trainer, data, worker, note):
        evaluation = ended.evaluate()
        result = EpochResult.of(ended.losses, evaluation.scores, monotonic() - started)
        worker.end_epoch(settings.out, result, partial(_write, info=info, trainer=trainer, scores=evaluation.scores))
        epoch = info.schedule.before + trainer.epoch
        is_drawn = epoch % _DRAWN_EVERY == 0 or epoch == info.schedule.whole
        if is_drawn and worker.rank == 0:
            record_images(settings.out, result.epoch, _images(info, evaluation, val_batches()))


def _write(folder: Path, info: ModelInfo, trainer: Trainer, scores: Scores) -> None:
    """Write a checkpoint, and how far the epoch's detector is to be believed."""
    write_checkpoint(folder, info, trainer.state())
    write_reliabilities(folder, info.classes, {row.name: (row.precision, row.recall) for row in scores.classes})


def _images(info: ModelInfo, evaluation: Evaluation, batches: Iterable[DetectionBatch]) -> dict[str, RgbImage]:
    """Draw the precision-recall curve, and the first frames of the validation with what was found on their codes."""
    scores, curves = score_with_curves(evaluation.matches, info.classes)
    images = {"precision-recall": precision_recall_image(curves, scores)}
    for batch in islice(batches, 1):
        nowhere = FrameOrigin("", "", None)  # a batch does not say where its frames are from
        predictions = zip(evaluation.matcher.predict(batch), batch.inputs.numpy(), strict=True)
        samples = [
            PredictedSample(*prediction, nowhere, codes) for prediction, codes in islice(predictions, _DRAWN_FRAMES)
        ]
        drawn = detections_image(samples, info.classes, info.size, curves.confidence)
        if drawn is not None:
            images["detections"] = drawn
    return images
