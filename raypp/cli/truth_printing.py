"""`raypp report --truth`: a site's uses beside true ones, on a terminal, as files and as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.cli.json_file import write_json
from raypp.cli.tables import fitted, plain_table, say_left_out, say_written
from raypp.errors import OptionError
from raypp.reports.truth import compare_with_truth
from raypp.reports.truth_files import write_truth_files
from raypp.reports.truth_record import ComparedUse, ToolScore, TruthReport, UseVerdict
from raypp.reports.wording import percentage

if TYPE_CHECKING:
    from raypp.ledger.store import Ledger

_MOST = 40


def read_truth_files(given: Sequence[str]) -> dict[str, Path]:
    """Read CAMERA=FILE pairs; raises OptionError for what is none, and for a camera that is named twice."""
    files: dict[str, Path] = {}
    for pair in given:
        camera, _, name = pair.partition("=")
        if not camera or not name:
            raise OptionError(f"--truth {pair!r} names no camera and file; give CAMERA=VIDEO.uses.csv")
        if camera in files:
            raise OptionError(f"--truth names camera {camera!r} twice; give one file for each camera")
        files[camera] = Path(name)
    return files


def report_truth(
    ledger: "Ledger",
    wanted: tuple[str, Mapping[str, Path], str | None, str | None, tuple[str, ...]],
    folder: Path | None,
    json_file: Path | None,
    console: Console,
) -> None:
    """Print how well a site's uses match true ones, and write it where asked for.

    Args:
        ledger: the ledger.
        wanted: site, files, begin and end of the period, and tools, as `compare_with_truth` takes them.
        folder: of CSV and JSON; None: none.
        json_file: of the JSON alone; None: none.
        console: where to.
    """
    report = compare_with_truth(ledger, *wanted)
    console.print(f"[bold]{escape(report.site)}[/bold]  beside true uses", highlight=False, soft_wrap=True)
    for camera, start in report.videos.items():
        console.print(f"{camera}: its video began at {start}", highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(fitted(_scores(report)))
    words = ", ".join(f"F1@{100 * float(overlap):.0f} {f1:.2f}" for overlap, f1 in report.f1.items())
    console.print(f"\n{words}", highlight=False, markup=False, soft_wrap=True)
    wrong = [use for use in report.uses if use.verdict is not UseVerdict.RIGHT]
    if wrong:
        console.print()
        console.print(fitted(_wrong(wrong[:_MOST])))
    say_left_out(console, len(wrong) - _MOST, "later use")
    write_json(json_file, report)
    say_written(console, write_truth_files(report, folder) if folder else [])


def _scores(report: TruthReport) -> Table:
    heads = ("tool", "true", "reported", "right", "precision", "recall", "F1@50", "duration\noff by", "not\nobserved")
    table = plain_table("Uses that overlap a true one by half", heads, numeric=range(1, 9))
    for score in (*report.tools, report.total):
        table.add_row(*_cells(score))
    return table


def _cells(score: ToolScore) -> tuple[str, ...]:
    off = "-" if score.duration_error_s is None else f"{score.duration_error_s:.1f} s"
    counts = (str(score.true), str(score.reported), str(score.right))
    shares = (percentage(score.precision), percentage(score.recall), f"{score.f1:.2f}")
    return (escape(score.tool), *counts, *shares, off, str(score.not_observed))


def _wrong(uses: Sequence[ComparedUse]) -> Table:
    heads = ("camera", "tool", "verdict", "true", "reported")
    table = plain_table("Uses that are not right, in seconds of the video", heads, numeric=())
    for use in uses:
        true, reported = _span(use.true_start_s, use.true_end_s), _span(use.reported_start_s, use.reported_end_s)
        table.add_row(escape(use.camera), escape(use.tool), use.verdict.value, true, reported)
    return table


def _span(start_s: float | None, end_s: float | None) -> str:
    return "-" if start_s is None or end_s is None else f"{start_s:.1f} to {end_s:.1f}"
