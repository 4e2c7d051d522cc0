"""The page of a site's executions of procedures, and that of one of them, step by step."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from raypp.reports.execution_record import ExecutionRecord, ProcedureTotal, StepRecord, deviations_of, totals
from raypp.reports.period import Period, day_of
from raypp.reports.wording import clock, percentage, seconds, until
from raypp.text.wording import counted
from raypp.usage.settings import SiteSettings
from raypp.web.addresses import moment_address, period_query, site_address
from raypp.web.execution_list import (
    FILTERS,
    SORTS,
    ExecutionTableRow,
    execution_table,
    outcome_badge,
    place_of,
    ratio_words,
    untold_of,
)
from raypp.web.execution_reports import ExecutionReports, LatestExecutions
from raypp.web.listing import Choice, ListedTable, read_choice
from raypp.web.site_heading import SiteHeading, SiteView, heading_of
from raypp.web.timeline import Block
from raypp.web.values import SITES, Badge, Chip, Crumb, Notice, Page, Tile

_MOST_LINKS = 5
_LEAST_US = 1_000_000
_NO_FRAMES = Notice("No frames yet", "When its first camera sends frames, its executions begin here.")
_NO_PROCEDURES = "Say which steps a job has: add `procedures` to the site's settings. Then store them by "
_NOT_INSTALLED = Notice(
    "The extra process is not installed",
    "Executions are compared with procedures by pm4py. Whoever runs this service installs it by ",
    "pip install 'raypp[process]'",
)
_COMPARING = Notice("Executions are being compared", "This takes a few seconds. They come by themselves.")
_NOT_THERE = Notice("No such execution", "In this period none of that name was found; look in another.")
_LOOKS: Mapping[str, Literal["", "good", "warn"]] = {
    "done": "good",
    "open": "",
    "cannot_tell": "warn",
    "not_observed": "warn",
}


@dataclass(frozen=True, slots=True)
class ProcedureRow:
    """All executions of one procedure; each figure leads to them.

    Attributes:
        total: its figures.
        figures: how many executions, and of each outcome.
        deviations: how many of each kind.
    """

    total: ProcedureTotal
    figures: tuple[Chip, ...]
    deviations: tuple[Chip, ...]


@dataclass(frozen=True, slots=True)
class ExecutionsRecord:
    """Executions of a site in a period.

    Attributes:
        tiles: figures of the whole.
        period: in words.
        note: that newer ones are being compared; else empty.
        procedures: one a procedure.
        table: of executions.
        files: command that writes the same as files.
    """

    tiles: tuple[Tile, ...]
    period: str
    note: str
    procedures: tuple[ProcedureRow, ...]
    table: ListedTable[ExecutionTableRow]
    files: str


@dataclass(frozen=True, slots=True)
class ExecutionsPage(Page):
    """Executions of one site, or a notice that there is nothing; `is_fresh` unless they are being compared."""

    template: ClassVar[str] = "raypp.web/executions.html"
    heading: SiteHeading
    zone: ZoneInfo
    is_fresh: bool = True
    record: ExecutionsRecord | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of an execution, or one use that is none.

    Attributes:
        step: its record.
        name: of the step, or of the tool.
        verdicts: what is said of it.
        block: its time as a share of the execution's; None where it was not done.
        uses: each leads to a use that it was aligned with.
        more_uses: how many others there are.
    """

    step: StepRecord
    name: str
    verdicts: tuple[Badge, ...]
    block: Block | None
    uses: tuple[Chip, ...]
    more_uses: int


@dataclass(frozen=True, slots=True)
class ExecutionPage(Page):
    """One execution, step by step, or a notice."""

    template: ClassVar[str] = "raypp.web/execution.html"
    zone: ZoneInfo
    title_line: str = ""
    subtitle: str = ""
    is_fresh: bool = True
    outcome: Badge | None = None
    tiles: tuple[Tile, ...] = ()
    steps: tuple[StepRow, ...] = ()
    note: str = ""
    links: tuple[Chip, ...] = ()
    notice: Notice | None = None


def executions_page(view: SiteView, reports: ExecutionReports, query: Mapping[str, str], number: int) -> ExecutionsPage:
    """Show the executions of a site.

    Args:
        view: the site and its period.
        reports: judge them.
        query: filters and order.
        number: page of the list.

    Raises:
        OptionError: for a filter or order that is none, or too many uses.
    """
    crumbs = (SITES, Crumb(view.site, view.address), Crumb("Executions", f"{view.here}{view.query()}"))
    page = ExecutionsPage(f"Executions at {view.site} · raypp", crumbs, heading_of(view), view.settings.zone)
    choice = read_choice(view, query, FILTERS, SORTS, number, "executions")
    latest = _latest(view, reports)
    if isinstance(latest, Notice):
        return replace(page, notice=latest)
    if latest.report is None:
        return replace(page, notice=_COMPARING, is_fresh=False)
    period = _period(view)
    records = [row for row in latest.report.executions if period.from_us <= row.start_us < period.to_us]
    sums = totals((rules.name for rules in view.settings.procedures), _of_present(records, view.settings))
    record = ExecutionsRecord(
        tiles=_tiles(records),
        period=until(period, view.settings.zone),
        note="" if latest.is_fresh else "New uses are being compared; this is as of a moment ago.",
        procedures=tuple(_procedure(total, choice) for total in sums),
        table=execution_table(records, view.settings, choice),
        files=f"raypp report {view.site}",
    )
    return replace(page, record=record, is_fresh=latest.is_fresh)


def execution_page(view: SiteView, reports: ExecutionReports, execution_id: str) -> ExecutionPage:
    """Show one execution of a site's period, step by step."""
    all_of_them = f"{view.here}{view.query()}"
    crumbs = (SITES, Crumb(view.site, view.address), Crumb("Executions", all_of_them))
    page = ExecutionPage(f"Execution at {view.site} · raypp", crumbs, view.settings.zone, "Execution")
    latest = _latest(view, reports)
    if isinstance(latest, Notice):
        return replace(page, notice=latest)
    if latest.report is None:
        return replace(page, notice=_COMPARING, is_fresh=False)
    record = next((row for row in latest.report.executions if row.execution_id == execution_id), None)
    if record is None:
        return replace(page, notice=_NOT_THERE, is_fresh=latest.is_fresh)
    zone = view.settings.zone
    overlaps = tuple(
        Chip(f"overlapping execution {number}", f"{view.here}/{other}{view.query()}")
        for number, other in enumerate(record.overlaps[:_MOST_LINKS], 1)
    )
    notes = [record.note, "executions overlap here: whose a use is, nobody can say" if record.overlaps else ""]
    return replace(
        page,
        crumbs=(*crumbs, Crumb(clock(record.start_us, zone), f"{view.here}/{record.execution_id}{view.query()}")),
        title_line=record.procedure,
        subtitle=f"{place_of(record)}, {until(Period(record.start_us, record.end_us), zone)}",
        is_fresh=latest.is_fresh,
        outcome=outcome_badge(record),
        tiles=_execution_tiles(record),
        steps=tuple(_step(step, record, view) for step in record.steps),
        note="; ".join(note for note in notes if note),
        links=(Chip("Timeline at its time", _timeline(view, record)), Chip("All executions", all_of_them), *overlaps),
    )


def _latest(view: SiteView, reports: ExecutionReports) -> LatestExecutions | Notice:
    """Return what is judged of the days of a period; a notice where there is nothing to judge."""
    if not view.settings.procedures:
        return Notice("No procedures are set", _NO_PROCEDURES, f"raypp site configure {view.site} settings.yaml")
    if find_spec("pm4py") is None:
        return _NOT_INSTALLED
    if view.recorded is None:
        return _NO_FRAMES
    # whole days: whichever part of them is shown, an execution and the median are the same
    zone, period = view.settings.zone, view.recorded.period
    first, last = day_of(period.from_us, zone), day_of(max(period.from_us, period.to_us - 1), zone)
    days = Period(first.from_us, max(period.to_us, last.until(view.until_us).to_us))
    return reports.of(view.site, view.settings, days)


def _period(view: SiteView) -> Period:
    if view.recorded is None:
        raise ValueError("a site without frames has no period")
    return view.recorded.period


def _of_present(records: Iterable[ExecutionRecord], settings: SiteSettings) -> list[ExecutionRecord]:
    """Return executions of procedures that the settings still have: others may have been judged a moment ago."""
    names = {rules.name for rules in settings.procedures}
    return [record for record in records if record.procedure in names]


def _tiles(records: Sequence[ExecutionRecord]) -> tuple[Tile, ...]:
    outcomes = [record.outcome for record in records]
    judged = len(records) - outcomes.count("open")
    right = outcomes.count("conforming")
    untold = outcomes.count("cannot_tell")
    fitness = sum(record.fitness for record in records) / len(records) if records else None
    untold_steps = sum(record.untold_steps for record in records)
    return (
        Tile("Executions", f"{len(records):,}", f"{outcomes.count('open'):,} under way"),
        Tile(
            "As prescribed",
            percentage(right / judged if judged else None),
            f"{right:,} of {judged:,} that ended; of {untold:,} nobody can tell",
        ),
        Tile(
            "Deviating",
            f"{outcomes.count('deviating'):,}",
            f"{sum(map(len, map(deviations_of, records))):,} deviations",
        ),
        Tile("Cannot tell", f"{untold:,}", "cameras did not see enough"),
        Tile(
            "Fitness",
            percentage(fitness),
            f"mean share as prescribed, of what was seen; {counted(untold_steps, 'step')} cannot be told",
        ),
    )


def _procedure(total: ProcedureTotal, choice: Choice) -> ProcedureRow:
    cleared = dict.fromkeys(FILTERS, "") | {"procedure": total.procedure}
    counts = {"": total.executions, "conforming": total.conforming, "deviating": total.deviating}
    counts |= {"cannot_tell": total.cannot_tell, "open": total.open}
    return ProcedureRow(
        total,
        tuple(
            Chip(f"{count:,}", choice.address(None, **(cleared | {"outcome": outcome})))
            for outcome, count in counts.items()
        ),
        tuple(
            Chip(f"{count:,} {kind.replace('_', ' ')}", choice.address(None, **(cleared | {"deviation": kind})))
            for kind, count in total.deviations.items()
        ),
    )


def _execution_tiles(record: ExecutionRecord) -> tuple[Tile, ...]:
    untold = untold_of(record)
    return (
        Tile("Lasted", seconds(record.duration_s), "so far" if record.open else "from its begin to its end"),
        Tile("Median", seconds(record.median_s), f"of the procedure at this site; this one: {ratio_words(record)}"),
        Tile("Fitness", percentage(record.fitness), "as prescribed, of what was seen"),
        Tile("Deviations", f"{len(deviations_of(record)):,}", "one for each time"),
        Tile("Cannot tell", f"{len(untold):,}", "steps that no camera saw enough of"),
    )


def _step(step: StepRecord, record: ExecutionRecord, view: SiteView) -> StepRow:
    verdicts = tuple(Badge(kind.replace("_", " "), _LOOKS.get(kind, "bad")) for kind in step.verdicts)
    name = step.step or f"{step.tool} (no step)"
    if step.start_us is None or step.end_us is None:
        return StepRow(step, name, verdicts, None, (), 0)
    length_us = max(1, record.end_us - record.start_us)
    start = min(1.0, max(0.0, (step.start_us - record.start_us) / length_us))
    width = min(1 - start, (step.end_us - step.start_us) / length_us)
    period = Period(step.start_us, max(step.end_us, step.start_us + _LEAST_US))
    uses = f"{site_address(view.site)}/episodes{period_query(period, view.settings)}"
    links = tuple(
        Chip(f"use {number}" if len(step.episodes) > 1 else "use", f"{uses}#use-{name_of}")
        for number, name_of in enumerate(step.episodes[:_MOST_LINKS], 1)
    )
    block = Block(start, width, f"{name}, {seconds(step.duration_s)}")
    return StepRow(step, name, verdicts, block, links, max(0, len(step.episodes) - _MOST_LINKS))


def _timeline(view: SiteView, record: ExecutionRecord) -> str:
    return moment_address(view.site, view.settings, record.start_us, record.end_us)
