"""The `raypp train` command."""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from raypp.cli.json_file import json_option, write_json
from raypp.detect.inputs.dataset import TRAIN, VAL, VeiledDataset
from raypp.detect.model_info import ABOUT_FILE, About
from raypp.detect.schedule import Recipe
from raypp.errors import ConflictError, OptionError
from raypp.execution import cluster_unless_here
from raypp.train.mlflow import MlflowRun
from raypp.train.progress import epochs_said, say_begin
from raypp.train.results import EpochResult, read_results
from raypp.train.run_folder import claim
from raypp.train.settings import TrainSettings

DETECTOR_FOLDER = "detector"
_OF_RAY = "checkpoint_manager_snapshot.json"
"""What Ray Train leaves beside its checkpoints."""

ClusterTrainer = Callable[[TrainSettings, About, VeiledDataset, str | None], Path]
"""Trains somewhere and returns the folder of the best checkpoint."""


class TrainSummary(BaseModel):
    """Result of `raypp train`."""

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


def make_train_command(cluster: ClusterTrainer | None) -> Callable[..., None]:
    """Return the `train` command, training on a cluster."""

    def train(
        archive: Annotated[str, typer.Argument(help="The veiled archive.")],
        out: Annotated[Path, typer.Option(help="Folder of the run; run again with it to go on after a stop.")],
        labels: Annotated[str | None, typer.Option(help="Label version (default: the only one).")] = None,
        model: Annotated[str, typer.Option(help="Architecture: yolov8n ... x, yolo11s, yolo26n ...")] = "yolov8n",
        weights: Annotated[
            Path | None, typer.Option(help="What to start from: public weights (.pt), or a learned veil's start.model.")
        ] = None,
        epochs: Annotated[int, typer.Option(help="Passes over the training frames.")] = 100,
        batch: Annotated[int, typer.Option(help="Frames of a step, over all workers together.")] = 16,
        nominal_batch: Annotated[
            int, typer.Option(help="Frames whose gradients make one step of the optimiser; small for few frames.")
        ] = 64,
        workers: Annotated[
            str, typer.Option(help="Workers that train together; 1-4 goes on with fewer while there is less room.")
        ] = "1",
        seed: Annotated[int, typer.Option(help="Of initial weights, order and augmentation.")] = 0,
        amp: Annotated[
            bool | None,
            typer.Option(
                "--amp/--no-amp",
                help="Mixed precision (default: where a GPU is); slower on a CPU without bfloat16 arithmetic.",
            ),
        ] = None,
        gpu: Annotated[bool, typer.Option("--gpu", help="Train on a GPU a worker.")] = False,
        mlflow: Annotated[
            str | None, typer.Option(help="Log epochs to this MLflow tracking server, or file:/folder.")
        ] = None,
        data_key: Annotated[Path | None, typer.Option(help="Data key of encrypted shards.")] = None,
        here: Annotated[bool, typer.Option("--here", help="Train in this process, without Ray.")] = False,
        address: Annotated[str | None, typer.Option(help="Address of a running Ray (default: a local one).")] = None,
        json_file: Annotated[Path | None, json_option()] = None,
    ) -> None:
        """Train a YOLO detector on veiled frames; needs shards and labels, and no veil key.

        Example: raypp train veiled --out run --weights yolov8n.pt --epochs 100

        Example: raypp train veiled --out small --model yolov8p --here
        """
        on_ray = cluster_unless_here(cluster, here=here, address=address)
        if on_ray is None and not here:
            raise OptionError("train needs Ray; install raypp[cluster], or train in this process with --here")
        least_workers, most_workers = TrainSettings.parse_workers(workers)
        settings = TrainSettings(
            archive=archive if "://" in archive else str(Path(archive).absolute()),
            out=out.absolute(),
            labels_version=labels,
            architecture=model,
            weights=weights.absolute() if weights else None,
            epochs=epochs,
            batch=batch,
            workers=most_workers,
            least_workers=least_workers,
            nominal_batch=nominal_batch,
            seed=seed,
            amp=amp,
            gpu=gpu,
            mlflow=mlflow,
            data_key_path=data_key.absolute() if data_key else None,
        )
        console = Console(stderr=True, soft_wrap=True)
        summary = train_detector(settings, on_ray, address, console)
        took = f" in {summary.seconds:.0f} s" if summary.seconds else ""
        console.print(
            f"trained       {summary.epochs} epochs{took}; best {summary.best_epoch}: "
            f"mAP50 {summary.map50:.3f}, mAP50-95 {summary.map50_95:.3f}\ndetector      {summary.detector}",
            highlight=False,
            markup=False,
        )
        write_json(json_file, summary)

    return train


def train_detector(
    settings: TrainSettings, cluster: ClusterTrainer | None, address: str | None, console: Console
) -> TrainSummary:
    """Train a detector, or go on with its run, and keep the best epoch's beside it.

    Args:
        settings: what is asked for.
        cluster: where to train; None for this process.
        address: address of a running Ray, or None for a local one.
        console: where epochs are reported.

    Raises:
        OptionError, LabelError, ShardError: if it cannot be done as asked.
        ConflictError: if the run was begun otherwise.
        ModelError: if training failed.
    """
    settings.check()
    if cluster is None and settings.workers > 1:
        raise OptionError(f"--workers {settings.workers} train on Ray; leave out --here")
    dataset = VeiledDataset.open(settings.archive, settings.labels_version, settings.data_key_path)
    dataset.require(TRAIN, VAL)
    steps = dataset.splits[TRAIN] // settings.batch
    if not steps:
        raise OptionError(
            f"--batch {settings.batch} is more than the {dataset.splits[TRAIN]} training frames; use fewer"
        )
    recipe = Recipe(
        epochs=settings.epochs,
        batch=settings.batch,
        steps=steps,
        seed=settings.seed,
        nominal_batch=settings.nominal_batch,
        amp=settings.amp,
    )
    about = About.of(settings.architecture, dataset, recipe)
    from raypp.train.initial_weights import check_start  # noqa: PLC0415
    from raypp.train.local import checkpoints_here, train_here  # noqa: PLC0415 - needs torch, slow to import

    check_start(about, settings.weights)
    _check_place(settings.out, bool(checkpoints_here(settings.out)), here=cluster is None)
    claim(
        settings.out / ABOUT_FILE,
        about.model_dump_json(indent=1) + "\n",
        f"run {settings.out} was begun on other data, model or schedule",
    )
    finished = partial(read_results, settings.out, EpochResult)
    if (settings.out / DETECTOR_FOLDER).is_dir() and len(finished()) >= settings.epochs:
        console.print(f"{settings.out} was trained before: nothing to do", highlight=False, markup=False)
        return _summary(settings.out, about, finished(), seconds=0.0)
    tracked = MlflowRun(settings.mlflow, settings.out, about) if settings.mlflow else None
    say_begin(console, dataset.splits, settings.epochs, steps, len(finished()), on_ray=cluster is not None)
    started = monotonic()
    with epochs_said(finished, settings.epochs, _say(settings, console, tracked)):
        best = cluster(settings, about, dataset, address) if cluster else train_here(settings, about, dataset)
    if tracked:
        tracked.finish()
    _keep_best(best, settings.out / DETECTOR_FOLDER)
    return _summary(settings.out, about, finished(), seconds=monotonic() - started)


def _keep_best(best: Path, folder: Path) -> None:
    """Keep the best epoch's detector, whole or not at all: where it stands, the run has ended."""
    part = folder.with_name(f".{folder.name}.part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(best, part)
    part.rename(folder)


def _summary(out: Path, about: About, results: Sequence[EpochResult], *, seconds: float) -> TrainSummary:
    top = max(results, key=lambda one: one.map50_95)
    return TrainSummary(
        out=str(out),
        detector=str(out / DETECTOR_FOLDER),
        veil_id=about.veil_id,
        dataset_version=about.dataset_version,
        epochs=len(results),
        best_epoch=top.epoch,
        map50=top.map50,
        map50_95=top.map50_95,
        seconds=seconds,
    )


def _check_place(out: Path, begun_here: bool, *, here: bool) -> None:
    """Raise ConflictError if a run would not go on with its own checkpoints: Ray keeps them in its own way."""
    if begun_here and not here:
        raise ConflictError(f"run {out} was begun in one process; go on with --here, or choose another --out")
    if here and not begun_here and (out / _OF_RAY).exists():
        raise ConflictError(f"run {out} was begun on Ray; go on without --here, or choose another --out")


def _say(settings: TrainSettings, console: Console, tracked: MlflowRun | None) -> Callable[[EpochResult, str], None]:
    """What prints an epoch, and logs it to MLflow if wanted."""

    def say(one: EpochResult, left: str) -> None:
        if tracked and (trouble := tracked.log(one)):
            console.print(
                f"epoch {one.epoch} is not in MLflow ({trouble}); training goes on", highlight=False, markup=False
            )
        losses = f"box {one.box_loss:.3f}, class {one.cls_loss:.3f}, dfl {one.dfl_loss:.3f}"
        scores = f"mAP50 {one.map50:.3f}, mAP50-95 {one.map50_95:.3f}"
        console.print(f"epoch {one.epoch}/{settings.epochs}: {losses}; {scores}{left}", highlight=False, markup=False)

    return say
