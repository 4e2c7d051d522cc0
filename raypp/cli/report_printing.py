"""A report on a terminal."""

from collections.abc import Collection

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raypp.reports.coverage_rows import WHOLE, coverage_rows, observed_share
from raypp.reports.records import Recorded
from raypp.reports.wording import overlaps, pause, percentage, seconds, until
from raypp.text.wording import counted
from raypp.usage.report import SiteReport
from raypp.usage.steps import Steps
from raypp.usage.timeline import UsageFigures

_MOST_SHIFTS = 6
_MOST_TRANSITIONS = 15
_MOST_STEPS = 12
_REST = "What is left out here is in the files of --out DIR, and in --json FILE."


def print_report(figures: UsageFigures, recorded: Recorded, console: Console) -> None:
    """Print fact, duration, coverage, safety equipment and sequence, as far as there are any; the latest of many."""
    report = figures.report
    period = until(recorded.period, recorded.settings.zone)
    seen = f"observed {percentage(observed_share(report.coverage))} of the time of {recorded.cameras_in_words(report)}"
    console.print(f"[bold]{escape(report.site)}[/bold]  {period} ({report.time_zone})", highlight=False, soft_wrap=True)
    console.print(escape(seen), highlight=False, soft_wrap=True)
    if recorded.note:
        console.print(f"\n{recorded.note}", highlight=False, soft_wrap=True, markup=False)
    for words in overlaps(report, recorded.settings.zone):
        console.print(words, highlight=False, markup=False, soft_wrap=True)
    for table in (_tools(report), _coverage(report), _worn(report), _transitions(report), _sequence(figures.steps)):
        if table.row_count:
            console.print()
            console.print(table)
    lengths = (len(report.shifts), len(report.transitions), len(figures.steps))
    if any(length > most for length, most in zip(lengths, (_MOST_SHIFTS, _MOST_TRANSITIONS, _MOST_STEPS), strict=True)):
        console.print(f"\n{_REST}", highlight=False, markup=False, soft_wrap=True)
    _print_uncertain(report, console)


def _tools(report: SiteReport) -> Table:
    table = _table("Tools", ("tool", "uses", "in use", "median", "90 % below", "longest", ""), numeric=range(1, 6))
    for tool in report.tools:
        lasted = tool.durations
        lanes = [lane for lane in report.lanes if lane.tool == tool.name]
        marks = {"open": sum(lane.open for lane in lanes), "provisional": sum(lane.provisional for lane in lanes)}
        figures = (tool.states.used_s, lasted.p50_s, lasted.p90_s, lasted.max_s)
        words = ", ".join(f"{number} {name}" for name, number in marks.items() if number)
        uses = f"{tool.episodes:,}" if tool.used else "not used"
        table.add_row(escape(tool.name), uses, *map(seconds, figures), words)
    return table


def _coverage(report: SiteReport) -> Table:
    """The whole range, and the latest shifts."""
    heads = ("when", "", "where", "used", "not used", "NOT OBSERVED", "observed")
    number = len(report.shifts)
    many = number > _MOST_SHIFTS
    title = f"Coverage: the whole range, and the latest {_MOST_SHIFTS} of {number:,} shifts" if many else "Coverage"
    table = _table(title, heads, numeric=range(3, 7))
    last = None
    for row in coverage_rows(report.model_copy(update={"shifts": report.shifts[-_MOST_SHIFTS:]})):
        when = row.when if row.when == WHOLE else f"{row.when}, {row.day}"
        figures = (row.used_s, row.not_used_s, row.not_observed_s)
        table.add_row(
            escape(when) if when != last else "",
            row.kind,
            escape(row.name),
            *map(seconds, figures),
            percentage(row.observed_share),
        )
        last = when
    return table


def _worn(report: SiteReport) -> Table:
    table = _table("Safety equipment", ("equipment", "where", "worn", "of", "NOT OBSERVED"), numeric=range(2, 5))
    for equipment in report.worn:
        where = f"{equipment.camera}, {equipment.station}" if equipment.station else equipment.camera
        figures = (percentage(equipment.worn_share), seconds(equipment.seen_s), seconds(equipment.not_observed_s))
        table.add_row(escape(equipment.equipment), escape(where), *figures)
    return table


def _transitions(report: SiteReport) -> Table:
    """The most frequent ones."""
    heads = ("what follows what", "times", "not certain", "mean pause")
    number = len(report.transitions)
    many = number > _MOST_TRANSITIONS
    title = f"Transitions: the most frequent {_MOST_TRANSITIONS} of {number:,}" if many else "Transitions"
    table = _table(title, heads, numeric=range(1, 4))
    for transition in report.transitions[:_MOST_TRANSITIONS]:
        names = f"{escape(transition.before)} \u2192 {escape(transition.after)}"
        table.add_row(names, str(transition.count), str(transition.not_observed or ""), pause(transition.mean_pause_s))
    return table


def _sequence(steps: Steps) -> Table:
    """The latest uses; all of them are in the files."""
    left = len(steps) - _MOST_STEPS
    title = f"Sequence: the latest {_MOST_STEPS} of {len(steps):,}" if left > 0 else "Sequence"
    table = _table(title, ("#", "start", "tool", "station", "camera", "duration", "state"), numeric=(0, 5))
    for step in steps[max(0, left) :]:
        start = step.start[11:19]
        state = step.state if step.state != "final" else ""
        names = (escape(step.tool), escape(step.station), escape(step.camera))
        table.add_row(str(step.number), start, *names, seconds(step.duration_s), state)
    return table


def _print_uncertain(report: SiteReport, console: Console) -> None:
    open_now = sum(lane.open for lane in report.lanes)
    silent = sum(lane.provisional for lane in report.lanes)
    if open_now:
        console.print(
            f"{counted(open_now, 'use')} still under way (open): their figures will grow.",
            highlight=False,
            markup=False,
        )
    if silent:
        words = "closed only because the camera is silent (provisional): they go on if it does."
        console.print(f"{counted(silent, 'use')} {words}", highlight=False, markup=False)


def _table(title: str, heads: tuple[str, ...], numeric: Collection[int]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for index, head in enumerate(heads):
        right = index in numeric
        table.add_column(head, justify="right" if right else "left", overflow="fold", no_wrap=right)
    return table
