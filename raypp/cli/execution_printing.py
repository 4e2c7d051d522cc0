"""`raypp report --procedures`: executions on a terminal, as files and as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.tables import fitted, plain_table, say_left_out, say_written
from raypp.reports.event_log import write_event_log
from raypp.reports.execution_files import write_execution_files
from raypp.reports.execution_record import ExecutionRecord, ExecutionsReport
from raypp.reports.executions import read_executions
from raypp.reports.period import Period
from raypp.reports.wording import percentage, seconds, until
from raypp.usage.shifts import local

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from raypp.ledger.store import Ledger

_MOST = 40


@dataclass(frozen=True, slots=True)
class ExecutionFiles:
    """Files that are asked for; None: none.

    Attributes:
        folder: of CSV, Parquet and JSON.
        json_file: of the JSON alone.
        event_log: for process mining.
    """

    folder: Path | None
    json_file: Path | None
    event_log: Path | None


def report_executions(
    ledger: "Ledger",
    wanted: tuple[str, str | None, str | None, tuple[str, ...]],
    files: ExecutionFiles,
    console: Console,
) -> None:
    """Print the executions of a site, and write them where asked for.

    Args:
        ledger: the ledger.
        wanted: site, begin and end of the period, and cameras, as `read_executions` takes them.
        files: what to write.
        console: where to.
    """
    executions = read_executions(ledger, *wanted)
    report, zone = executions.report(), executions.settings.zone
    period = until(Period(report.from_us, report.to_us), zone)
    console.print(f"[bold]{escape(report.site)}[/bold]  {period} ({report.time_zone})", highlight=False, soft_wrap=True)
    for table in (_procedures(report), _executions(report, zone)):
        console.print()
        console.print(fitted(table))
    say_left_out(console, len(report.executions) - _MOST, "earlier execution")
    write_json(files.json_file, report)
    end_with_attention(not report.executions)
    written = write_execution_files(report, files.folder) if files.folder else []
    if files.event_log:
        write_event_log(report, files.event_log)
        written.append(files.event_log)
    say_written(console, written)


def _procedures(report: ExecutionsReport) -> Table:
    heads = ("procedure", "executions", "conforming", "deviating", "cannot\ntell", "open", "median", "deviations")
    table = plain_table("Procedures", heads, numeric=range(1, 7))
    for total in report.procedures:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in total.deviations.items())
        numbers = (total.executions, total.conforming, total.deviating, total.cannot_tell, total.open)
        table.add_row(escape(total.procedure), *(f"{number:,}" for number in numbers), seconds(total.median_s), kinds)
    return table


def _executions(report: ExecutionsReport, zone: "ZoneInfo") -> Table:
    """List the latest executions."""
    table = plain_table(
        "Executions", ("start", "procedure", "where", "lasted", "fitness", "outcome", ""), numeric=(3, 4)
    )
    for row in report.executions[-_MOST:]:
        where = " ".join((*row.cameras, row.station)).strip()
        start = f"{local(row.start_us, zone):%a %d %b %H:%M:%S}"
        outcome = row.outcome.replace("_", " ")
        lasted = seconds(row.duration_s)
        table.add_row(
            start, escape(row.procedure), escape(where), lasted, percentage(row.fitness), outcome, escape(_words(row))
        )
    return table


def _words(row: ExecutionRecord) -> str:
    """Say what is to be said of an execution, such as `drill missing, file extra`."""
    words = [verdict.replace("_", " ") for verdict in row.verdicts]
    for step in row.steps:
        kinds = [verdict.replace("_", " ") for verdict in step.verdicts if verdict != "done"]
        if kinds:
            words.append(f"{step.step or step.tool} {', '.join(kinds)}")
    return ", ".join([*words, *(["overlaps"] if row.overlaps else [])])
