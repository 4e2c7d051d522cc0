"""`raypp report --safety`: compliance with the rules of zones on a terminal, as files and as JSON."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.tables import fitted, plain_table, say_left_out, say_written
from raypp.reports.coverage_rows import observed_share
from raypp.reports.period import Period
from raypp.reports.safety import read_safety
from raypp.reports.safety_files import write_safety_files
from raypp.reports.safety_record import SafetyReport, ViolationRecord, ZoneTotal
from raypp.reports.trend import trends
from raypp.reports.wording import percentage, seconds, until
from raypp.text.wording import counted
from raypp.usage.shifts import local

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from raypp.ledger.store import Ledger

_MOST = 40
_MOST_SHIFTS = 6
_MOST_DAYS = 5
_TIMES = ("where", "rule", "worn", "not\nworn", "cannot\ntell", "of\nall", "compliant", "violations")


def report_safety(
    ledger: "Ledger",
    wanted: tuple[str, str | None, str | None, tuple[str, ...]],
    folder: Path | None,
    json_file: Path | None,
    console: Console,
) -> None:
    """Print how the rules of a site's zones were kept, and write it where asked for.

    Args:
        ledger: the ledger.
        wanted: site, begin and end of the period, and cameras, as `read_safety` takes them.
        folder: of CSV, Parquet and JSON; None: none.
        json_file: of the JSON alone; None: none.
        console: where to.
    """
    safety = read_safety(ledger, *wanted)
    report, zone = safety.report(), safety.recorded.settings.zone
    period = until(Period(report.from_us, report.to_us), zone)
    console.print(f"[bold]{escape(report.site)}[/bold]  {period} ({report.time_zone})", highlight=False, soft_wrap=True)
    cameras = counted(len(report.coverage), "camera")
    seen = f"observed {percentage(observed_share(report.coverage))} of the time of {cameras}"
    console.print(seen, highlight=False, markup=False, soft_wrap=True)
    for table in (_compliance(report.totals), _trend(report), _shifts(report), _violations(report, zone)):
        if table.row_count:
            console.print()
            console.print(fitted(table))
    say_left_out(console, len(report.violations) - _MOST, "earlier violation")
    write_json(json_file, report)
    end_with_attention(not (safety.recorded.stretches or safety.exposures or safety.violations))
    say_written(console, write_safety_files(safety, report, folder) if folder else [])


def _compliance(totals: Iterable[ZoneTotal]) -> Table:
    table = plain_table("Compliance, in time of people", _TIMES, numeric=range(2, 8))
    for total in totals:
        table.add_row(*_cells(total))
    return table


def _trend(report: SafetyReport) -> Table:
    """The latest days, where the range has several."""
    days = report.days[-_MOST_DAYS:] if len(report.days) > 1 else []
    many = len(report.days) > _MOST_DAYS
    which = f"latest {_MOST_DAYS} of {len(report.days):,} days" if many else "by day"
    heads = ("where", *(f"{date.fromisoformat(day.day):%a %d %b}" for day in days))
    table = plain_table(f"Compliant, {which} (cannot tell)", heads, numeric=range(1, len(heads)))
    for trend in trends(report.totals, days):
        if trend.has_shares:
            where = f"{trend.item}, {trend.zone}, {trend.camera}"
            table.add_row(escape(where), *map(_of_day, trend.days))
    return table


def _of_day(total: ZoneTotal | None) -> str:
    return "-" if total is None else f"{percentage(total.worn_share)} ({percentage(total.cannot_tell_share)})"


def _shifts(report: SafetyReport) -> Table:
    """The latest shifts in which there was anything."""
    shifts = [shift for shift in report.shifts if shift.totals]
    many = len(shifts) > _MOST_SHIFTS
    title = f"Shifts: the latest {_MOST_SHIFTS} of {len(shifts):,}" if many else "Shifts"
    table = plain_table(title, ("when", *_TIMES), numeric=range(3, 9))
    for shift in shifts[-_MOST_SHIFTS:]:
        for number, total in enumerate(shift.totals):
            table.add_row("" if number else escape(f"{shift.name}, {shift.day}"), *_cells(total))
    return table


def _cells(total: ZoneTotal) -> tuple[str, ...]:
    return (
        escape(f"{total.zone}, {total.camera}"),
        escape(_rule(total)),
        *map(seconds, (total.worn_s, total.not_worn_s, total.cannot_tell_s)),
        percentage(total.cannot_tell_share),
        percentage(total.worn_share),
        f"{total.violations:,}",
    )


def _violations(report: SafetyReport, zone: "ZoneInfo") -> Table:
    """List the latest violations."""
    heads = ("start", "camera", "zone", "rule", "lasted", "seen", "sure", "state")
    table = plain_table("Violations", heads, numeric=(4, 5, 6))
    for row in report.violations[-_MOST:]:
        start = f"{local(row.start_us, zone):%a %d %b %H:%M:%S}"
        names = (escape(row.camera), escape(row.zone), escape(_rule(row)))
        table.add_row(start, *names, seconds(row.duration_s), seconds(row.seen_s), percentage(row.sure), row.state)
    return table


def _rule(row: ZoneTotal | ViolationRecord) -> str:
    """Name the item, or the rule that is about none, such as `most people`."""
    return row.item or row.kind.replace("_", " ")
