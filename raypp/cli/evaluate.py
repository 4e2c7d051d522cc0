"""The `raypp evaluate` command: a detector judged here or on a cluster, and what there is to say of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.cli.console import ConsoleProgress, error_console
from raypp.cli.execution import execution_of
from raypp.cli.json_file import json_option, write_json
from raypp.cli.options import ArchiveUrl, DataKeyFile, LabelsVersion, RayAddress, RunsOn
from raypp.detect.inputs.dataset import VAL
from raypp.errors import OptionError
from raypp.evaluate.error_summary import ErrorSummary
from raypp.evaluate.errors import ErrorType
from raypp.execution import On

if TYPE_CHECKING:
    from raypp.evaluate.report import EvaluationScores, GroupScores  # needs torch and matplotlib

_MOST_CLASSES = 5
_MOST_CAMERAS = 20
_SHORT = {
    ErrorType.CLASS: "class",
    ErrorType.LOCALISATION: "place",
    ErrorType.CLASS_AND_LOCALISATION: "both",
    ErrorType.DUPLICATE: "twice",
    ErrorType.BACKGROUND: "on nothing",
    ErrorType.MISSED: "missed",
}
_KINDS = (
    "class: on a label of another class; place: of the right class, badly placed; both: neither; twice: on a label "
    "that was found before; on nothing: nothing is labelled there; missed: a label that nothing found"
)


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
    json_file: Annotated[Path | None, json_option("the scores")] = None,
) -> None:
    """Measure a trained detector on veiled frames: mAP50, mAP50-95, each class, and what it gets wrong.

    Example: raypp evaluate veiled --model run --report report
    """
    execution = execution_of(on, address, workers=workers, gpus=1 if gpu else None)
    if gpu and execution.on is On.LOCAL:
        raise OptionError("--gpu is of workers on Ray; this process takes the GPU that is there, so leave it out")
    console = error_console()
    from raypp.evaluate.run import run_evaluation  # noqa: PLC0415 - needs torch, slow to import

    made = run_evaluation(archive, model, labels, split, report, data_key, execution, ConsoleProgress(console))
    write_json(json_file, made.scores)
    _print_scores(made.scores, console)
    _print_errors(made.errors, console)
    if report:
        console.print(f"{len(made.issues)} suspected label errors; report in {report}", highlight=False, markup=False)


def _print_scores(scores: "EvaluationScores", console: Console) -> None:
    table = _table("class", "labels", "precision", "recall", "mAP50", "mAP50-95")
    for row in (*scores.classes, None):
        one = row or scores
        name = escape(row.name) if row else f"all ({scores.samples} frames)"
        figures = (one.precision, one.recall, one.map50, one.map50_95)
        table.add_row(name, str(one.labels), *(f"{figure:.3f}" for figure in figures))
    console.print(table)
    if 1 < len(scores.by_camera) <= _MOST_CAMERAS:
        console.print(_groups("camera", scores.by_camera))
    elif len(scores.by_site) > 1:
        console.print(_groups("site", scores.by_site))


def _print_errors(summary: ErrorSummary, console: Console) -> None:
    said = f"of {summary.detections} detections from confidence {summary.confidence:.2f}, {summary.right} are right"
    console.print(f"\n{said}; {summary.errors} errors:", highlight=False, markup=False)
    if not summary.errors:
        return
    table = _table("most in", "labels", *(_SHORT[kind] for kind in summary.types), "all")
    worst = sorted(summary.by_class, key=lambda one: (-one.errors, one.name))[:_MOST_CLASSES]
    for one in worst:
        table.add_row(escape(one.name), str(one.labels), *map(str, one.types.values()), str(one.errors))
    table.add_row("all classes", str(summary.labels), *map(str, summary.types.values()), str(summary.errors))
    console.print(table)
    console.print(_KINDS, highlight=False)


def _groups(what: str, groups: "Iterable[GroupScores]") -> Table:
    table = _table(what, "frames", "labels", "mAP50", "mAP50-95")
    for one in groups:
        table.add_row(escape(one.name), str(one.samples), str(one.labels), f"{one.map50:.3f}", f"{one.map50_95:.3f}")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table
