"""Executions as an event log for process mining: XES (IEEE 1849-2023), or OCEL 2.0 in JSON."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from raypp.errors import OptionError
from raypp.io.atomic import write_parts
from raypp.reports.execution_record import ExecutionRecord, ExecutionsReport, StepRecord

_REMEDY = "name a file that ends in .xes, or in .json for OCEL 2.0"
_XES_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2023" xes.features="" xmlns="http://www.xes-standard.org/">
 <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
 <extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
 <extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
 <global scope="trace"><string key="concept:name" value=""/></global>
 <global scope="event">
  <string key="concept:name" value=""/>
  <date key="time:timestamp" value="1970-01-01T00:00:00+00:00"/>
  <string key="lifecycle:transition" value="complete"/>
 </global>
 <classifier name="Activity" keys="concept:name"/>
"""
_TEXT, _NUMBER = "string", "float"
_EXECUTION_FIELDS = {"procedure": _TEXT, "outcome": _TEXT, "fitness": _NUMBER, "duration_s": _NUMBER}
_EVENT_FIELDS = {"tool": _TEXT, "verdicts": _TEXT, "duration_s": _NUMBER}


def write_event_log(report: ExecutionsReport, path: Path) -> None:
    """Write what was done in each execution; what was not done is no event.

    Args:
        report: of the executions.
        path: ends in .xes, or in .json for OCEL 2.0.

    Raises:
        OptionError: for another ending, or a file that cannot be written.
    """
    kinds = {".xes": _xes, ".json": _ocel}
    if path.suffix not in kinds:
        raise OptionError(f"`event_log` {path}: no such kind of event log; {_REMEDY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parts(path, kinds[path.suffix](report))
    except OSError as error:
        raise OptionError(f"`event_log` {path}: {error.strerror or error}; {_REMEDY}") from None


def _xes(report: ExecutionsReport) -> Iterator[str]:
    """Yield one trace an execution: of each use a start and a completion, in order of time."""
    yield _XES_HEAD
    yield f" {_string('concept:name', report.site)}\n"
    for row in report.executions:
        yield f" <trace>\n  {_string('concept:name', row.execution_id)}\n"
        for name in _EXECUTION_FIELDS:
            yield f"  {_attribute(name, getattr(row, name))}\n"
        yield f"  {_string('place', _place(row))}\n"
        moments = [(moment, kind, number, step) for number, step in _done(row) for moment, kind in _ends(step)]
        for moment, kind, number, step in sorted(moments, key=lambda item: (item[0], item[1] == "start", item[2])):
            yield f"  <event>\n   {_string('concept:name', _activity(step))}\n"
            yield f"   {_string('concept:instance', str(number))}\n   {_string('lifecycle:transition', kind)}\n"
            yield f'   <date key="time:timestamp" value={quoteattr(_time(step, moment))}/>\n'
            yield f"   {_string('tool', step.tool or '')}\n   {_string('verdicts', ' '.join(step.verdicts))}\n"
            yield "  </event>\n"
        yield " </trace>\n"
    yield "</log>\n"


def _ocel(report: ExecutionsReport) -> Iterator[str]:
    """Yield events, each related to its execution, its place and its tool."""
    events, objects = [], {}
    for row in report.executions:
        objects[row.execution_id] = ("execution", {name: getattr(row, name) for name in _EXECUTION_FIELDS}, row.start)
        for number, step in _done(row):
            place, tool = f"place {_place(row)}", f"tool {step.tool}"
            objects.setdefault(place, ("place", {}, row.start))
            objects.setdefault(tool, ("tool", {}, row.start))
            values = {"tool": step.tool, "verdicts": " ".join(step.verdicts), "duration_s": step.duration_s}
            related = ((row.execution_id, "part of"), (place, "at"), (tool, "with"))
            events.append(
                {
                    "id": f"{row.execution_id}-{number}",
                    "type": _activity(step),
                    "time": step.start,
                    "attributes": [{"name": name, "value": value} for name, value in values.items()],
                    "relationships": [{"objectId": name, "qualifier": qualifier} for name, qualifier in related],
                }
            )
    log = {
        "objectTypes": [
            {"name": kind, "attributes": _types(_EXECUTION_FIELDS if kind == "execution" else {})}
            for kind in ("execution", "place", "tool")
        ],
        "eventTypes": [
            {"name": name, "attributes": _types(_EVENT_FIELDS)}
            for name in sorted({str(event["type"]) for event in events})
        ],
        "objects": [
            {
                "id": name,
                "type": kind,
                "attributes": [{"name": key, "time": time, "value": value} for key, value in values.items()],
                "relationships": [],
            }
            for name, (kind, values, time) in objects.items()
        ],
        "events": events,
    }
    yield json.dumps(log, indent=1, allow_nan=False)
    yield "\n"


def _types(fields: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields.items()]


def _done(row: ExecutionRecord) -> Iterable[tuple[int, StepRecord]]:
    return ((number, step) for number, step in enumerate(row.steps, 1) if step.start is not None)


def _ends(step: StepRecord) -> Iterator[tuple[int, str]]:
    if step.start_us is not None and step.end_us is not None:
        yield step.start_us, "start"
        if "open" not in step.verdicts:
            yield step.end_us, "complete"


def _time(step: StepRecord, moment_us: int) -> str:
    return (step.start if moment_us == step.start_us else step.end) or ""


def _activity(step: StepRecord) -> str:
    return step.step or f"{step.tool} (no step)"


def _place(row: ExecutionRecord) -> str:
    return " ".join((*row.cameras, row.station)).strip()


def _string(key: str, value: str) -> str:
    return f"<string key={quoteattr(key)} value={quoteattr(value)}/>"


def _attribute(key: str, value: str | float) -> str:
    return _string(key, value) if isinstance(value, str) else f'<float key={quoteattr(key)} value="{value!r}"/>'
