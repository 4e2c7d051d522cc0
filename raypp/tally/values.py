"""The figures of one party, as whole numbers: from a file, or from its reports."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.fault import first_fault
from raypp.io.json import read_json
from raypp.reports.safety_record import SafetyReport
from raypp.tally.plan import Source, TallyFigure, TallyPlan
from raypp.usage.coverage import Coverage
from raypp.usage.report import SiteReport

_MOST_BYTES = 200_000_000
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_GIVEN: TypeAdapter[dict[str, _Number | dict[str, _Number] | None]] = TypeAdapter(
    dict[str, _Number | dict[str, _Number] | None], config=ConfigDict(strict=False)
)
Units = tuple[int, ...] | None
"""Whole numbers of a figure: one, or one for each cell; None where the party has no figure."""


def read_values(plan: TallyPlan, values: Path | None, report: Path | None, safety: Path | None) -> tuple[Units, ...]:
    """Read a party's figures in the order of the plan.

    Args:
        plan: the plan.
        values: JSON of figures by name: a number, counts by cell, or null for no figure.
        report: `raypp report --json` of the period.
        safety: `raypp report --safety --json` of the period.

    Raises:
        OptionError: if a figure is missing, out of range, of another period, or has no file that it could be in.
    """
    given = _read_given(values) if values else {}
    unknown = sorted(set(given) - {figure.name for figure in plan.figures if figure.source is Source.GIVEN})
    if unknown:
        raise OptionError(f"values {values}: the plan asks for no given figure {unknown[0]!r}")
    usage = _read_report(report, SiteReport, plan) if report else None
    people = _read_report(safety, SafetyReport, plan) if safety else None
    return tuple(_units(figure, plan, given, usage, people) for figure in plan.figures)


def _units(
    figure: TallyFigure,
    plan: TallyPlan,
    given: Mapping[str, float | dict[str, float] | None],
    usage: SiteReport | None,
    people: SafetyReport | None,
) -> Units:
    if figure.source is Source.GIVEN:
        if figure.name not in given:
            raise OptionError(f"figure {figure.name}: no value; add it to `values`, or null for no figure")
        return _checked(figure, given[figure.name])
    report: SiteReport | SafetyReport | None = people if figure.source.is_of_safety else usage
    if report is None:
        option = "safety" if figure.source.is_of_safety else "report"
        raise OptionError(f"figure {figure.name} is of a report; give its JSON as `{option}`")
    if _observed(report.coverage) < plan.least_coverage:
        return None
    if isinstance(report, SafetyReport):
        return _checked(figure, _of_safety(figure.source, report))
    return _checked(figure, _of_usage(figure, report))


def _of_usage(figure: TallyFigure, report: SiteReport) -> float | dict[str, float]:
    if figure.cells:
        uses = {tool.name: float(tool.episodes) for tool in report.tools}
        return {cell: uses.get(cell, 0.0) for cell in figure.cells}
    tools = [tool for tool in report.tools if figure.tool in {None, tool.name}]
    if figure.source is Source.USES:
        return float(sum(tool.episodes for tool in tools))
    return sum(tool.states.used_s for tool in tools) / 3600


def _of_safety(source: Source, report: SafetyReport) -> float | None:
    person_s: dict[tuple[str, str], float] = {}  # persons of a zone count once, whatever they are to wear
    for total in report.totals:
        if total.worn_s is not None:
            seconds = total.worn_s + (total.not_worn_s or 0) + (total.cannot_tell_s or 0)
            person_s[total.camera, total.zone] = max(seconds, person_s.get((total.camera, total.zone), 0.0))
    hours, violations = sum(person_s.values()) / 3600, float(sum(total.violations for total in report.totals))
    if source is Source.PERSON_HOURS:
        return hours
    if source is Source.VIOLATIONS:
        return violations
    return 1000 * violations / hours if hours else None


def _checked(figure: TallyFigure, value: float | Mapping[str, float] | None) -> Units:
    """Return a value as whole numbers; raises OptionError where it does not fit the figure."""
    if value is None:
        return None
    if isinstance(value, Mapping) != bool(figure.cells):
        needs = "counts by cell" if figure.cells else "one number"
        raise OptionError(f"figure {figure.name} needs {needs}")
    if not isinstance(value, Mapping):
        return (_in_range(figure, figure.name, value),)
    unknown = sorted(set(value) - set(figure.cells))
    if unknown:
        raise OptionError(f"figure {figure.name} has no cell {unknown[0]!r}; leave it out, or change the plan")
    return tuple(_in_range(figure, f"{figure.name}, {cell}", value.get(cell, 0)) for cell in figure.cells)


def _in_range(figure: TallyFigure, name: str, value: float) -> int:
    if not 0 <= value <= figure.most:
        raise OptionError(f"figure {name}: {value:g} is not from 0 to {figure.most:g}, as the plan has it")
    if not figure.decimals and value != round(value):
        raise OptionError(f"figure {name}: {value:g} is no whole number; let the plan have `decimals`")
    return min(round(value * figure.scale), figure.most_units)


def _observed(coverage: list[Coverage]) -> float:
    """Return the share of all cameras' time that was observed; 0 where there is none."""
    whole = sum(each.observed_s + each.not_observed_s for each in coverage)
    return sum(each.observed_s for each in coverage) / whole if whole else 0.0


def _read_given(path: Path) -> dict[str, float | dict[str, float] | None]:
    try:
        return _GIVEN.validate_python(read_json(read_content(path, _MOST_BYTES)))
    except ContentError as error:
        raise OptionError(f"values {path} {error}; write a JSON object of figures by name") from None
    except ValidationError as error:
        raise OptionError(f"values {path}: {first_fault(error)}; write numbers, counts by cell, or null") from None


def _read_report(path: Path, kind: Any, plan: TallyPlan) -> Any:
    """Read a report of the plan's period, as local times go."""
    option = "`raypp report --json`" if kind is SiteReport else "`raypp report --safety --json`"
    try:
        report = kind.model_validate(read_json(read_content(path, _MOST_BYTES)))
    except ContentError as error:
        raise OptionError(f"report {path} {error}; give a file of {option}") from None
    except ValidationError as error:
        raise OptionError(f"report {path}: {first_fault(error)}; give a file of {option}") from None
    for wanted, stated, word in ((plan.from_, report.start, "begins"), (plan.to, report.end, "ends")):
        if wanted is None:
            raise OptionError("the plan has no `from` and `to`, so reports could be of different periods; add them")
        if not stated.startswith(wanted):
            raise OptionError(f"report {path} {word} at {stated}, and the plan's period at {wanted}; make it again")
    return report
