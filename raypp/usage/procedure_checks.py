"""Whether procedures fit the rules of their site, and their steps can be told apart."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from raypp.io.problems import nearest
from raypp.usage.procedure_rules import GroupRules, ProcedureRules, StepRules, may_lack, steps_of
from raypp.usage.rules import EVERY_STATION, CameraRules, ToolRules


def check_procedures(
    procedures: Sequence[ProcedureRules],
    tools: Sequence[ToolRules],
    cameras: Mapping[str, CameraRules],
    *,
    has_shifts: bool,
) -> None:
    """Check procedures against the rules of their site.

    Raises:
        ValueError: naming the procedure, the step, and what to write instead.
    """
    rules = {rule.tool: rule for rule in tools}
    for procedure in procedures:
        try:
            _check(procedure, rules, cameras, has_shifts)
            _check_apart(procedure)
        except ValueError as error:
            raise ValueError(f"procedure {procedure.name}: {error}") from None


def _check(
    procedure: ProcedureRules, rules: Mapping[str, ToolRules], cameras: Mapping[str, CameraRules], has_shifts: bool
) -> None:
    execution = procedure.execution
    if execution.shift and not has_shifts:
        raise ValueError("`shift` needs `shifts` of the site; there are none")
    watching = {name: cameras[name] for name in procedure.cameras or cameras if name in cameras}
    for station in procedure.stations:
        _check_station(station, watching, "the procedure")
    for step in steps_of(procedure.steps):
        where = f"step {step.name}"
        if step.station is not None and procedure.stations:
            raise ValueError(
                f"{where} has a station of its own, and the procedure has `stations`: nobody could say whose it is"
            )
        for tool in step.tools:
            _check_tool(tool, step.station, procedure.stations, rules, where)
        if step.station is not None:
            _check_station(step.station, watching, where)
        if set(step.tools) & set(procedure.ignore):
            raise ValueError(f"{where} has a tool that `ignore` names; take it out of one of them")
    for tool in procedure.ignore:
        _check_tool(tool, None, (), rules, "`ignore`")
    if execution.during is not None:
        stations = () if execution.station is not None else procedure.stations
        _check_tool(execution.during, execution.station, stations, rules, "execution")
        if execution.station is not None:
            _check_station(execution.station, watching, "execution")


def _check_tool(
    tool: str, station: str | None, places: Sequence[str], rules: Mapping[str, ToolRules], where: str
) -> None:
    rule = rules.get(tool)
    if rule is None:
        near = nearest(tool, rules)
        known = f"did you mean {near}?" if near else f"known: {', '.join(sorted(rules)[:20]) or 'none; write tools'}"
        raise ValueError(f"{where}: no rule of tools is named {tool}; {known}")
    for place in (station,) if station is not None else places:
        if place not in rule.stations and EVERY_STATION not in rule.stations:
            raise ValueError(f"{where}: {tool} is not watched at station {place}; add it to the tool's `stations`")


def _check_station(station: str, watching: Mapping[str, CameraRules], where: str) -> None:
    if not any(station in camera.stations for camera in watching.values()):
        known = sorted({name for camera in watching.values() for name in camera.stations})
        raise ValueError(f"{where}: none of its cameras has a station {station}; known: {', '.join(known) or 'none'}")


def _check_apart(procedure: ProcedureRules) -> None:
    steps = list(steps_of(procedure.steps))
    for first, second in combinations(steps, 2):
        if not _alike(first, second):
            continue
        if set(first.tools) != set(second.tools) or first.station != second.station:
            raise ValueError(
                f"steps {first.name} and {second.name} cannot be told apart: they share a tool but not all; "
                "give both the same tools and `station`, or no common one"
            )
        if not _parted(procedure.whole, first, second):
            raise ValueError(
                f"steps {first.name} and {second.name} cannot be told apart: the same tools, and no step that must "
                "come between them; make them one with `repeat`"
            )
        for edge in (procedure.execution.begins, procedure.execution.ends):
            if edge in {first.name, second.name}:
                raise ValueError(
                    f"step {edge} cannot be told apart as the edge of an execution: {first.name} and {second.name} "
                    "have the same tools; use `during`, `shift` or gap_s alone"
                )


def _alike(first: StepRules, second: StepRules) -> bool:
    """Say whether one use may be either step."""
    return bool(set(first.tools) & set(second.tools)) and (
        first.station == second.station or first.station is None or second.station is None
    )


def _parted(group: GroupRules, first: StepRules, second: StepRules) -> bool:
    """Say whether another step must come between two steps; `first` is written first."""
    parts = _flat(group)
    start, end = (next(place for place, part in enumerate(parts) if step in _steps(part)) for step in (first, second))
    if start == end:
        inner = parts[start]
        return isinstance(inner, GroupRules) and _parted(inner, first, second)
    return group.sequence is not None and any(
        not may_lack(part) and not any(_alike(step, first) for step in _steps(part)) for part in parts[start + 1 : end]
    )


def _steps(part: StepRules | GroupRules) -> list[StepRules]:
    return list(steps_of((part,)))


def _flat(group: GroupRules) -> list[StepRules | GroupRules]:
    """Return a group's parts; sequences within a sequence are part of it."""
    if group.sequence is None:
        return list(group.parts)
    flat: list[StepRules | GroupRules] = []
    for part in group.parts:
        inside = isinstance(part, GroupRules) and part.sequence is not None and not part.optional
        flat += _flat(part) if inside and isinstance(part, GroupRules) else [part]
    return flat
