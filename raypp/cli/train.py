"""The `raypp train` command."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.json_file import write_json
from raypp.cli.options import (
    Architecture,
    ArchiveUrl,
    DataKeyFile,
    JsonFile,
    LabelsVersion,
    MixedPrecision,
    RayAddress,
    Seed,
)
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.model_info import ModelInfo
from raypp.errors import OptionError
from raypp.execution import cluster_unless_here
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings

ClusterTrainer = Callable[[TrainSettings, ModelInfo, VeiledDataset, str | None], Path]
"""Trains on a cluster, at the address of a running Ray, and returns the folder of the best checkpoint."""


def make_train_command(cluster: ClusterTrainer | None) -> Callable[..., None]:
    """Return the `train` command, training on a cluster."""

    def train(
        archive: ArchiveUrl,
        out: Annotated[Path, typer.Option(help="Folder of the run; run again with it to go on after a stop.")],
        labels: LabelsVersion = None,
        model: Architecture = "yolov8n",
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
        seed: Seed = 0,
        amp: MixedPrecision = None,
        gpu: Annotated[bool, typer.Option("--gpu", help="Train on a GPU a worker.")] = False,
        mlflow: Annotated[
            str | None, typer.Option(help="Log epochs to this MLflow tracking server, or file:/folder.")
        ] = None,
        data_key: DataKeyFile = None,
        here: Annotated[bool, typer.Option("--here", help="Train in this process, without Ray.")] = False,
        address: RayAddress = None,
        json_file: JsonFile = None,
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

        def trainer(settings: TrainSettings, info: ModelInfo, dataset: VeiledDataset) -> Path:
            assert on_ray is not None  # noqa: S101
            return on_ray(settings, info, dataset, address)

        console = error_console()
        summary = run_training(settings, trainer if on_ray else None, ConsoleProgress(console))
        took = f" in {summary.seconds:.0f} s" if summary.seconds else ""
        best = f"best {summary.best_epoch}: mAP50 {summary.map50:.3f}, mAP50-95 {summary.map50_95:.3f}"
        trained = f"trained       {summary.epochs} epochs{took}; {best}"
        say(console, (trained, f"detector      {summary.detector}"))
        write_json(json_file, summary)

    return train
