"""Executions of procedures as rows: the same fields as JSON, CSV and Parquet."""

from collections.abc import Iterable
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from raypp.procedure.judging import JudgedExecution
from raypp.procedure.verdict import DEVIATIONS, JudgedStep, StepVerdict
from raypp.reports.wording import iso
from raypp.usage.coverage import ReportPart

_UNTOLD = frozenset({StepVerdict.NOT_OBSERVED, StepVerdict.CANNOT_TELL})
_DEVIATIONS = frozenset(verdict.value for verdict in DEVIATIONS)
OutcomeName = Literal["conforming", "deviating", "cannot_tell", "open"]


class StepRecord(ReportPart):
    """One time of a step, or one use that is no step at its place."""

    step: str | None = Field(description="its name; none: the tool is no step of the procedure")
    time: int = Field(description="which time of the step, from 1; 0: the use is none of them")
    verdicts: list[str] = Field(
        description="done, missing, out_of_order, extra, repeated, too_short, too_long, too_late, cannot_tell, "
        "not_observed or open; the first says whether it was done"
    )
    tool: str | None = Field(description="what was used first; none: nothing, as in all that follow")
    station: str | None
    start: str | None = Field(description="local time with offset, ISO 8601")
    end: str | None
    start_us: int | None = Field(description="microseconds since 1970")
    end_us: int | None
    duration_s: float | None
    episodes: list[str] = Field(description="ids of the episodes that it is made of")
    note: str = Field(description="why nobody can tell; else empty")


class ExecutionRecord(ReportPart):
    """One time that a procedure was done, or begun."""

    execution_id: str = Field(description="32 hex digits, the same whenever it is found again")
    procedure: str
    cameras: list[str] = Field(description="that watch its place")
    station: str = Field(description="of its place; empty: all that the cameras see")
    start: str = Field(description="local time with offset, ISO 8601")
    end: str = Field(description="likewise, exclusive; while it is open, the end of what was done so far")
    start_us: int = Field(description="microseconds since 1970")
    end_us: int
    duration_s: float
    median_s: float | None = Field(description="how long the procedure lasts here, in the middle; none: none has ended")
    outcome: OutcomeName
    open: bool = Field(description="whether it is under way")
    fitness: float = Field(description="share of what is as prescribed, 0 to 1, of what was observed")
    untold_steps: int = Field(description="how many of its steps were not observed, or nobody can tell")
    verdicts: list[str] = Field(description="on the whole: too_long, cannot_tell")
    overlaps: list[str] = Field(description="ids of executions at its place at the same time")
    note: str = Field(description="why nobody can tell; else empty")
    steps: list[StepRecord] = Field(description="in the order of uses; what lacks stands where it should have been")


class ProcedureTotal(ReportPart):
    """All executions of one procedure in the range."""

    procedure: str
    executions: int
    conforming: int
    deviating: int
    cannot_tell: int
    open: int
    median_s: float | None = Field(description="how long it lasts, in the middle; none: none has ended")
    deviations: dict[str, int] = Field(description="how many of each kind, of steps and of whole executions")


class ExecutionsReport(ReportPart):
    """Executions of a site's procedures that began in a range."""

    site: str
    time_zone: str
    start: str = Field(description="local time with offset, ISO 8601")
    end: str
    from_us: int = Field(description="microseconds since 1970")
    to_us: int = Field(description="exclusive")
    procedures: list[ProcedureTotal]
    executions: list[ExecutionRecord] = Field(description="by start")


def execution_record(judged: JudgedExecution, zone: ZoneInfo) -> ExecutionRecord:
    """Return an execution as a row, its local times in a site's zone."""
    execution, judgement = judged.execution, judged.judgement
    return ExecutionRecord(
        execution_id=judged.execution_id,
        procedure=execution.procedure,
        cameras=list(execution.place.cameras),
        station=execution.place.station,
        start=iso(execution.start_us, zone),
        end=iso(execution.end_us, zone),
        start_us=execution.start_us,
        end_us=execution.end_us,
        duration_s=judgement.duration_s,
        median_s=judged.median_s,
        outcome=judged.outcome.value,
        open=execution.open,
        fitness=judgement.fitness,
        untold_steps=sum(not _UNTOLD.isdisjoint(step.verdicts) for step in judgement.steps),
        verdicts=[verdict.value for verdict in judgement.verdicts],
        overlaps=list(judged.overlaps),
        note=judgement.note,
        steps=[_step(step, zone) for step in judgement.steps],
    )


def _step(step: JudgedStep, zone: ZoneInfo) -> StepRecord:
    use = step.use
    return StepRecord(
        step=step.step,
        time=step.time,
        verdicts=[verdict.value for verdict in step.verdicts],
        tool=use and use.tool,
        station=use and use.station,
        start=use and iso(use.start_us, zone),
        end=use and iso(use.end_us, zone),
        start_us=use and use.start_us,
        end_us=use and use.end_us,
        duration_s=None if use is None else (use.end_us - use.start_us) / 1e6,
        episodes=[] if use is None else [episode.episode_id for episode in use.episodes],
        note=step.note,
    )


def deviations_of(row: ExecutionRecord) -> list[str]:
    """Return every deviation in an execution, one for each time: of its steps, then of the whole."""
    verdicts = [verdict for step in row.steps for verdict in step.verdicts]
    return [verdict for verdict in (*verdicts, *row.verdicts) if verdict in _DEVIATIONS]


def totals(procedures: Iterable[str], executions: Iterable[ExecutionRecord]) -> list[ProcedureTotal]:
    """Sum executions up by procedure, also those of which there is none."""
    of: dict[str, list[ExecutionRecord]] = {procedure: [] for procedure in procedures}
    for row in executions:
        of[row.procedure].append(row)
    return [_total(procedure, own) for procedure, own in of.items()]


def _total(procedure: str, executions: list[ExecutionRecord]) -> ProcedureTotal:
    outcomes = [row.outcome for row in executions]
    deviations: dict[str, int] = {}
    for row in executions:
        for verdict in deviations_of(row):
            deviations[verdict] = deviations.get(verdict, 0) + 1
    return ProcedureTotal(
        procedure=procedure,
        executions=len(executions),
        conforming=outcomes.count("conforming"),
        deviating=outcomes.count("deviating"),
        cannot_tell=outcomes.count("cannot_tell"),
        open=outcomes.count("open"),
        median_s=executions[0].median_s if executions else None,
        deviations=dict(sorted(deviations.items())),
    )
