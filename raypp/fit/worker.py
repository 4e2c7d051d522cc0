"""One worker of a fit: warm-up, epochs of detector against adversaries, and a checkpoint after each."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, cast

import torch
from torch import Tensor

from raypp.compare.images import ImageDataset, read_images
from raypp.compare.plain import PlainFrames
from raypp.compare.ultralytics import UltralyticsBatches, lay_out
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import TrainingState, copy_state, holds_state, read_averages, read_state, write_state
from raypp.detect.ultralytics import DetectionModel
from raypp.fit.adversary import AdversaryNetwork
from raypp.fit.checkpoints import PART, RUNNING
from raypp.fit.context_model import ContextModel
from raypp.fit.fitting import build_fit, warm_up_codes
from raypp.fit.results import FitEpoch
from raypp.fit.settings import FitSettings, schedule_of
from raypp.fit.stem import AdversarialNetwork, HidingWeights, stem_of
from raypp.io.private import private_folder
from raypp.train.loop import TrainingData, run_epochs
from raypp.train.steps import StepFile
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext

_VAL_BATCH = 32


def fit_worker(settings: FitSettings, out: Path, worker: WorkerContext, resume: Path | None) -> None:
    """Fit to the last epoch, from the start or from a checkpoint.

    Args:
        settings: what was asked.
        out: folder of the fit, which rank 0 writes its epochs into.
        worker: its place among the workers; with several, its `wrap` averages gradients.
        resume: folder of the checkpoint to go on from, or None.

    Raises:
        ModelError: if the weights do not fit, or the loss is not a number.
        OptionError: if there are fewer training images than a batch takes.
    """
    images = read_images(settings.data)
    schedule = schedule_of(settings, images)
    torch.manual_seed(settings.open_seed)
    model = build_fit(settings, images.classes)
    with tempfile.TemporaryDirectory() as folder:
        data = lay_out(images, Path(folder))
        share = (worker.rank, worker.workers)

        def batches(schedule: TrainingSchedule) -> UltralyticsBatches:
            train = images.splits["train"]
            return UltralyticsBatches(data, train, images.classes, schedule, settings.size, share)

        if resume is None:
            warm_up = schedule.model_copy(update={"epochs": settings.warm_up + schedule.close_mosaic})
            on_step = StepFile(out).write if worker.rank == 0 else None
            warm_up_codes(model, settings, batches(warm_up).epoch, schedule.steps, worker.device, on_step)
        trainer = adversarial_trainer(model, settings, schedule, worker)
        epochs = batches(schedule)
        if resume is not None:
            _go_on(trainer, epochs, read_state(resume), worker.rank)
        val = partial(_val_batches, images, settings, worker)
        inputs = TrainingData(epochs.epoch, val, images.classes, settings.size)
        started = monotonic()
        for ended in run_epochs(trainer, inputs, worker, StepFile(out).write):
            _restart_one(trainer, settings)
            result = FitEpoch.of(ended.losses, ended.evaluate().scores, monotonic() - started)
            parts = private_folder(out / RUNNING)  # the end of the fit deletes it; in /tmp it would outlive a kill
            kept = trainer.state({"recent": worker.gather([epochs.recent])})
            worker.end_epoch(out, result, partial(write_state, state=kept), parts=parts, prefix=PART)


def fit_here(settings: FitSettings, out: Path) -> Path:
    """Fit in this process; the last checkpoint is kept in the fit's folder."""
    kept = private_folder(out / RUNNING)

    def report(_metrics: dict[str, object], checkpoint: Path | None) -> None:
        if checkpoint is not None:
            copy_state(checkpoint, kept, private=True)

    worker = WorkerContext.alone(torch.device("cuda" if settings.gpu else "cpu"), report)
    fit_worker(settings, out, worker, kept if holds_state(kept) else None)
    return kept


def fitted_weights(folder: Path) -> dict[str, Tensor]:
    """Return the averaged weights of a checkpoint that a fit left."""
    return read_averages(folder)[0]


def adversarial_trainer(
    model: DetectionModel, settings: FitSettings, schedule: TrainingSchedule, worker: WorkerContext
) -> Trainer:
    """Return the trainer of a detector with a `LearnedStem`, against its adversaries.

    Args:
        model: as `build_fit` built it.
        settings: what was asked.
        schedule: how long.
        worker: its place among the workers.
    """
    hidden = HidingWeights(settings.hide, settings.tone, settings.rate)

    def wrap(detector: Any) -> Any:
        network = AdversarialNetwork(detector, hidden)
        return worker.wrap(network) if worker.wrap else network

    return Trainer(
        model,
        schedule,
        worker.device,
        worker.workers,
        worker.rank,
        wrap,
        augmentation=None,
        rates=dict.fromkeys((AdversaryNetwork, ContextModel), settings.adversary_rate),
    )


def _go_on(trainer: Trainer, epochs: UltralyticsBatches, state: TrainingState, rank: int) -> None:
    """Go on where a state was taken; one of version 1 does not tell the images that were loaded last."""
    trainer.restore(state)
    recent = state.extra.get("recent")
    if recent is not None:
        epochs.load(recent[rank])


def _restart_one(trainer: Trainer, settings: FitSettings) -> None:
    """Let one adversary in turn start anew: what has learnt beside an encoder is blind to ways it left long ago."""
    every, epoch = settings.restart, trainer.epoch
    if not every or epoch % every or epoch >= settings.epochs:
        return
    adversaries = stem_of(trainer.model).adversaries
    chosen = cast("AdversaryNetwork", adversaries[(epoch // every - 1) % len(adversaries)])
    torch.manual_seed(settings.open_seed * 1_000_003 + epoch)  # alike on every worker
    chosen.restart()
    trainer.forget(chosen)


def _val_batches(images: ImageDataset, settings: FitSettings, worker: WorkerContext) -> Iterator[DetectionBatch]:
    frames = PlainFrames(images.splits["val"], settings.size, settings.patch)
    for start in range(worker.rank * _VAL_BATCH, len(frames), _VAL_BATCH * worker.workers):
        yield frames.batch(range(start, min(start + _VAL_BATCH, len(frames))))
