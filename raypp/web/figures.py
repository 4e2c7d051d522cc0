"""A report's figures as rows of a page's tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from raypp.reports.coverage_rows import WHOLE, CoverageRow, coverage_rows
from raypp.reports.wording import percentage, seconds
from raypp.text.wording import counted
from raypp.usage.report import SiteReport, Transition, UseTotal
from raypp.web.timeline import WHY_NOT

_MOST_TRANSITIONS = 10
_MOST_COVERAGE_ROWS = 48


@dataclass(frozen=True, slots=True)
class ToolRow:
    """How often and how long a tool was used.

    Attributes:
        total: its figures.
        open: how many uses go on.
        unsure: how many uses have an end that is not certain yet.
    """

    total: UseTotal
    open: int
    unsure: int


@dataclass(frozen=True, slots=True)
class Shares:
    """A bar of three parts, shares that add up to 1, and the same in words."""

    used: float
    idle: float
    not_observed: float
    text: str


@dataclass(frozen=True, slots=True)
class CoverageGroup:
    """The whole range, or one shift: each row with its bar."""

    heading: str
    rows: tuple[tuple[CoverageRow, Shares], ...]


@dataclass(frozen=True, slots=True)
class CoverageTable:
    """Time used, not used and not observed; `left` rows are only in the report as JSON."""

    groups: tuple[CoverageGroup, ...]
    left: int


@dataclass(frozen=True, slots=True)
class TransitionTable:
    """Which tool follows which on a camera, and a note on what the table leaves out."""

    rows: tuple[Transition, ...]
    note: str


def tool_rows(report: SiteReport) -> tuple[ToolRow, ...]:
    """Return fact and duration: each tool, how often and how long."""
    return tuple(
        ToolRow(
            total,
            sum(lane.open for lane in report.lanes if lane.tool == total.name),
            sum(lane.provisional for lane in report.lanes if lane.tool == total.name),
        )
        for total in report.tools
    )


def coverage_table(report: SiteReport) -> CoverageTable:
    """Return coverage by station and shift; by tool where the site has no stations."""
    rows = list(coverage_rows(report))
    # Stations answer the question where there are any; lanes of the timeline have the tools.
    kinds = {"station", "camera"} if any(row.kind == "station" for row in rows) else {"tool", "camera"}
    rows = [row for row in rows if row.kind in kinds]
    return CoverageTable(tuple(_groups(rows[:_MOST_COVERAGE_ROWS])), max(0, len(rows) - _MOST_COVERAGE_ROWS))


def transition_table(report: SiteReport) -> TransitionTable:
    """Return the most frequent transitions."""
    rows = tuple(report.transitions[:_MOST_TRANSITIONS])
    if not rows:
        return TransitionTable((), "No tool has followed another yet.")
    left = len(report.transitions) - len(rows)
    note = f"{counted(left, 'rarer pair')} left out. " if left else ""
    if any(transition.not_observed for transition in report.transitions):
        note += "Not certain: the camera did not see all of the time between."
    return TransitionTable(rows, note)


def _groups(rows: Sequence[CoverageRow]) -> Iterator[CoverageGroup]:
    for (when, day), group in groupby(rows, key=lambda row: (row.when, row.day)):
        heading = when if when == WHOLE else f"{when}, {day}"
        yield CoverageGroup(heading[:1].upper() + heading[1:], tuple((row, _shares(row)) for row in group))


def _shares(row: CoverageRow) -> Shares:
    total_s = row.total_s or 1.0
    used = (row.used_s or 0.0) / total_s
    idle = row.observed_s / total_s - used
    if row.used_s is None:
        reasons = ", ".join(f"{WHY_NOT.get(why, why)} {seconds(length)}" for why, length in row.reasons_s.items())
        text = f"observed {percentage(row.observed_share)}" + (f"; {reasons}" if reasons else "")
    else:
        text = (
            f"used {percentage(used)}, not used {percentage(idle)}, not observed {percentage(1 - row.observed_share)}"
        )
    return Shares(used, max(0.0, idle), max(0.0, row.not_observed_s / total_s), text)
