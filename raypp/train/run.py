"""A training from its settings to the best epoch's detector, gone on with after a stop."""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic

from pydantic import BaseModel, ConfigDict, Field

from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.model_info import DETECTOR_FOLDER, MODEL_INFO_FILE, ModelInfo
from raypp.detect.provenance import Provenance, write_provenance
from raypp.detect.schedule import TrainingSchedule
from raypp.errors import OptionError
from raypp.execution import ExecutionSettings, Executor, On, on_ray
from raypp.io.atomic import whole_folder
from raypp.progress import SILENT, Progress
from raypp.text.split_names import TRAIN, VAL
from raypp.train.mlflow import MlflowRun
from raypp.train.progress import StepDisplay, begin_line, epochs_said
from raypp.train.provenance import record_provenance
from raypp.train.results import EpochResult, kept_epoch, read_results
from raypp.train.run_folder import begun_on_ray, checkpoints_here, open_run_folder, require_same_place
from raypp.train.settings import TrainSettings

TrainingExecutor = Executor[[TrainSettings, ModelInfo, VeiledDataset], Path]
"""Trains, and returns the folder of the best checkpoint."""


class TrainSummary(BaseModel):
    """Summary of a training."""

    model_config = ConfigDict(frozen=True)

    out: str
    detector: str = Field(description="folder of the best epoch's detector")
    veil_id: str
    dataset_version: str
    epochs: int
    best_epoch: int
    map50: float = Field(description="of the best epoch by mAP50-95, on the val split")
    map50_95: float
    seconds: float


def run_training(
    settings: TrainSettings, execution: ExecutionSettings | None = None, progress: Progress = SILENT
) -> TrainSummary:
    """Train a detector, or go on with its run, and keep the best epoch's beside it.

    Args:
        settings: what is asked for.
        execution: where; by default a run goes on where it was begun, and one worker begins in this process.
        progress: is told each epoch, and how far the running one is.

    Raises:
        OptionError, LabelError, ShardError: if it cannot be done as asked.
        ConflictError: if the run was begun otherwise.
        ModelError: if training failed.
    """
    execution = execution or ExecutionSettings()
    execution.check()
    settings.check()
    execution = execution.with_workers(settings.workers)
    execution.check("workers")
    dataset = VeiledDataset.open(settings.archive, settings.labels_version, settings.data_key_path, settings.dataset)
    dataset.require(TRAIN, VAL)
    steps = dataset.splits[TRAIN] // settings.batch
    if not steps:
        raise OptionError(
            f"`batch` {settings.batch} is more than the {dataset.splits[TRAIN]} training frames; use fewer"
        )
    schedule = TrainingSchedule(
        epochs=settings.epochs,
        batch=settings.batch,
        steps=steps,
        seed=settings.seed,
        nominal_batch=settings.nominal_batch,
        amp=settings.amp,
        freeze=settings.freeze,
        part=settings.part,
    )
    info = ModelInfo.of(settings.architecture, dataset, schedule)
    from raypp.train.initial_weights import check_initial_weights  # noqa: PLC0415 - needs torch, slow to import

    check_initial_weights(info, settings.weights)
    begun = On.LOCAL if checkpoints_here(settings.out) else On.RAY if begun_on_ray(settings.out) else None
    on = execution.choose(begun=begun)
    require_same_place(f"run {settings.out}", begun, on)
    open_run_folder(
        settings.out / MODEL_INFO_FILE,
        info,
        f"run {settings.out} was begun on other data, model or schedule",
    )
    provenance = record_provenance(settings.out, dataset, settings.weights)
    finished = partial(read_results, settings.out, EpochResult)
    if (settings.out / DETECTOR_FOLDER).is_dir() and len(finished()) >= settings.epochs:
        progress.say(f"{settings.out} was trained before: nothing to do")
        return _summary(settings.out, info, finished(), seconds=0.0)
    tracked = MlflowRun(settings.mlflow, settings.out, info) if settings.mlflow else None
    progress.say(begin_line(dataset.splits, settings.epochs, steps, len(finished()), on_ray=on is On.RAY))
    execute: TrainingExecutor = on_ray("train", execution) if on is On.RAY else _train_here
    started = monotonic()
    display = StepDisplay(settings.out, settings.batch, progress)
    with epochs_said(finished, settings.epochs, _say(settings, progress, tracked), display):
        best = execute(settings, info, dataset)
    if tracked:
        tracked.finish()
    _keep_best(best, settings.out / DETECTOR_FOLDER, provenance)
    return _summary(settings.out, info, finished(), seconds=monotonic() - started)


def _train_here(settings: TrainSettings, info: ModelInfo, dataset: VeiledDataset) -> Path:
    from raypp.train.local import train_here  # noqa: PLC0415 - draws images as well, slow to import

    return train_here(settings, info, dataset)


def _keep_best(best: Path, folder: Path, provenance: Provenance) -> None:
    """Keep the best epoch's detector, whole or not at all: where it stands, the run has ended."""
    with whole_folder(folder) as part:
        shutil.copytree(best, part)
        write_provenance(part, provenance)


def _summary(out: Path, info: ModelInfo, results: Sequence[EpochResult], *, seconds: float) -> TrainSummary:
    top = kept_epoch(results, info.schedule)
    return TrainSummary(
        out=str(out),
        detector=str(out / DETECTOR_FOLDER),
        veil_id=info.veil_id,
        dataset_version=info.dataset_version,
        epochs=len(results),
        best_epoch=top.epoch,
        map50=top.map50,
        map50_95=top.map50_95,
        seconds=seconds,
    )


def _say(settings: TrainSettings, progress: Progress, tracked: MlflowRun | None) -> Callable[[EpochResult, str], None]:
    """Return the function that tells an epoch, and logs it to MLflow if wanted."""

    def say(result: EpochResult, left: str) -> None:
        if tracked and (trouble := tracked.log(result)):
            progress.say(f"epoch {result.epoch} is not in MLflow ({trouble}); training goes on")
        losses = f"box {result.box_loss:.3f}, class {result.cls_loss:.3f}, dfl {result.dfl_loss:.3f}"
        scores = f"mAP50 {result.map50:.3f}, mAP50-95 {result.map50_95:.3f}"
        progress.say(f"epoch {result.epoch}/{settings.epochs}: {losses}; {scores}{left}")

    return say
