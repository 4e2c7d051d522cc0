"""The `raypp evaluate` command: a detector judged here or on a cluster."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console
from raypp.cli.execution import execution_of
from raypp.cli.json_file import json_option, write_json
from raypp.cli.options import ArchiveUrl, DataKeyFile, LabelsVersion, RayAddress, RunsOn
from raypp.detect.engines.name import Engine, require_engine
from raypp.errors import OptionError
from raypp.execution import On
from raypp.text.split_names import VAL


def evaluate(
    archive: ArchiveUrl,
    model: Annotated[
        Path, typer.Option(help="A run of `raypp train`, its detector folder, or a file of `raypp export`.")
    ],
    labels: LabelsVersion = None,
    split: Annotated[str, typer.Option(help="Split to evaluate on.")] = VAL,
    report: Annotated[
        Path | None, typer.Option(help="Write scores, images, errors and suspected label errors here.")
    ] = None,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    workers: Annotated[
        int | None, typer.Option(help="Workers on Ray, which reach archive and model (default: 1).", min=0)
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Give each worker on Ray a GPU.")] = False,
    data_key: DataKeyFile = None,
    engine: Annotated[
        Engine | None, typer.Option(help="What computes, as in `raypp serve` (default: torch, as in training).")
    ] = None,
    json_file: Annotated[Path | None, json_option("the scores")] = None,
) -> None:
    """Measure a trained detector on veiled frames: mAP50, mAP50-95, each class, and what it gets wrong.

    Example: raypp evaluate veiled --model run --report report
    """
    execution = execution_of(on, address, workers=workers, gpus=1 if gpu else None)
    if gpu and execution.on is On.LOCAL:
        raise OptionError("--gpu is of workers on Ray; this process takes the GPU that is there, so leave it out")
    console = error_console()
    from raypp.cli.evaluation_printing import print_errors, print_scores
    from raypp.evaluate.request import ChosenDetector
    from raypp.evaluate.run import run_evaluation
    from raypp.key_sources.place import optional_key_place

    if engine and execution.on is not On.RAY:
        require_engine(engine)
    chosen = ChosenDetector(model, engine)
    evaluation = run_evaluation(
        archive, chosen, labels, split, report, optional_key_place(data_key), execution, ConsoleProgress(console)
    )
    write_json(json_file, evaluation.scores)
    print_scores(evaluation.scores, console)
    print_errors(evaluation.errors, console)
    if report:
        console.print(
            f"{len(evaluation.issues)} suspected label errors; report in {report}", highlight=False, markup=False
        )
