"""The `raypp train` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.json_file import write_json
from raypp.cli.options import (
    Architecture,
    ArchiveUrl,
    DataKeyFile,
    Here,
    JsonFile,
    LabelsVersion,
    MixedPrecision,
    RayAddress,
    RunsOn,
    Seed,
)
from raypp.detect.schedule import Freeze
from raypp.execution import On


def train(
    archive: ArchiveUrl,
    out: Annotated[Path, typer.Option(help="Folder of the run; run again with it to go on after a stop.")],
    labels: LabelsVersion = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Dataset version to train on: a tag, first digits of a digest, or a pin file (.json)."),
    ] = None,
    model: Architecture = "yolov8n",
    weights: Annotated[
        Path | None, typer.Option(help="What to start from: public weights (.pt), or a learned veil's start.model.")
    ] = None,
    freeze: Annotated[
        Freeze | None, typer.Option(help="What of --weights stays: trunk trains the adapter alone, for a new key.")
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
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    here: Here = False,
    json_file: JsonFile = None,
) -> None:
    """Train a YOLO detector on veiled frames; needs shards and labels, and no veil key.

    Example: raypp train veiled --out run --weights yolov8n.pt --epochs 100

    Example: raypp train veiled --out small --model yolov8p --on local

    Example: raypp train rekeyed --out run-2 --weights old.model --freeze trunk
    """
    from raypp.train.run import run_training
    from raypp.train.settings import TrainSettings

    execution = execution_of(on, address, here=here)
    least_workers, most_workers = TrainSettings.parse_workers(workers)
    settings = TrainSettings(
        archive=archive if "://" in archive else str(Path(archive).absolute()),
        out=out.absolute(),
        labels_version=labels,
        dataset=dataset,
        architecture=model,
        weights=weights.absolute() if weights else None,
        freeze=freeze,
        epochs=epochs,
        batch=batch,
        workers=most_workers,
        least_workers=least_workers,
        nominal_batch=nominal_batch,
        seed=seed,
        amp=amp,
        gpu=gpu,
        mlflow=mlflow,
        data_key_path=data_key,
    )

    console = error_console()
    summary = run_training(settings, execution, ConsoleProgress(console))
    took = f" in {summary.seconds:.0f} s" if summary.seconds else ""
    best = f"best {summary.best_epoch}: mAP50 {summary.map50:.3f}, mAP50-95 {summary.map50_95:.3f}"
    trained = f"trained       {summary.epochs} epochs{took}; {best}"
    say(console, (trained, f"detector      {summary.detector}"))
    write_json(json_file, summary)
