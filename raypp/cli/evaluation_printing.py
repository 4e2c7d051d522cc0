"""Scores and errors of a detector on a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.evaluate.error_summary import ErrorSummary
from raypp.evaluate.errors import ErrorType
from raypp.evaluate.report import EvaluationScores, GroupScores

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


def print_scores(scores: EvaluationScores, console: Console) -> None:
    """Print the scores of each class and of all, and those of cameras or sites where there are several."""
    table = _table("class", "labels", "precision", "recall", "mAP50", "mAP50-95")
    for row in (*scores.classes, None):
        shown = row or scores
        name = escape(row.name) if row else f"all ({scores.samples} frames)"
        figures = (shown.precision, shown.recall, shown.map50, shown.map50_95)
        table.add_row(name, str(shown.labels), *(f"{figure:.3f}" for figure in figures))
    console.print(table)
    if 1 < len(scores.by_camera) <= _MOST_CAMERAS:
        console.print(_groups("camera", scores.by_camera))
    elif len(scores.by_site) > 1:
        console.print(_groups("site", scores.by_site))


def print_errors(summary: ErrorSummary, console: Console) -> None:
    """Print how many detections are right, and the errors of the classes with most of them."""
    summary_line = (
        f"of {summary.detections} detections from confidence {summary.confidence:.2f}, {summary.right} are right"
    )
    console.print(f"\n{summary_line}; {summary.errors} errors:", highlight=False, markup=False)
    if not summary.errors:
        return
    table = _table("most in", "labels", *(_SHORT[kind] for kind in summary.types), "all")
    worst = sorted(summary.by_class, key=lambda errors: (-errors.errors, errors.name))[:_MOST_CLASSES]
    for of_class in worst:
        table.add_row(
            escape(of_class.name), str(of_class.labels), *map(str, of_class.types.values()), str(of_class.errors)
        )
    table.add_row("all classes", str(summary.labels), *map(str, summary.types.values()), str(summary.errors))
    console.print(table)
    console.print(_KINDS, highlight=False)


def _groups(what: str, groups: Iterable[GroupScores]) -> Table:
    table = _table(what, "frames", "labels", "mAP50", "mAP50-95")
    for group in groups:
        table.add_row(
            escape(group.name), str(group.samples), str(group.labels), f"{group.map50:.3f}", f"{group.map50_95:.3f}"
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table
