"""A report as JSON, written as a stream: its sequence of uses is never held as a whole."""

from collections.abc import Iterator
from typing import Any

import numpy.typing as npt
from pydantic_core import to_json

from raypp.usage.episode import CloseReason
from raypp.usage.episodes import Episodes
from raypp.usage.local_times import LocalTimes
from raypp.usage.steps import STATE_NAMES, Steps
from raypp.usage.timeline import UsageFigures

_AT_A_TIME = 8192
_NO_STEPS = ' "sequence": [],\n'
_STATES = {int(state): name for state, name in STATE_NAMES.items()}
_REASONS = {0: "null"} | {int(reason): f'"{reason.name.lower()}"' for reason in CloseReason}
_BOOLEANS = ("false", "true")


def json_parts(figures: UsageFigures) -> Iterator[str]:
    """Yield a report's JSON with an indent of 1, as `SiteReport.model_dump_json` writes it, and a line end."""
    text = figures.report.model_dump_json(indent=1)
    if not figures.steps:
        yield f"{text}\n"
        return
    before, _, after = text.rpartition(_NO_STEPS)
    yield f'{before} "sequence": [\n'
    for start in range(0, len(figures.steps), _AT_A_TIME):
        yield (",\n" if start else "") + ",\n".join(_steps(figures.steps, start, start + _AT_A_TIME))
    yield f"\n ],\n{after}\n"


def _steps(steps: Steps, first: int, last: int) -> Iterator[str]:
    uses = steps.uses[first:last]
    names = _names(uses)
    clipped = (uses.start_us < steps.from_us) | (uses.end_us > steps.to_us)
    columns = zip(
        (name.decode() for name in uses.ids.tolist()),
        uses.lane.tolist(),
        LocalTimes(uses.start_us, steps.zone).iso(),
        LocalTimes(uses.end_us, steps.zone).iso(),
        uses.start_us.tolist(),
        uses.end_us.tolist(),
        numbers(steps.lasted_us[first:last] / 1e6),
        numbers(uses.seen_us / 1e6),
        uses.state.tolist(),
        uses.reason.tolist(),
        clipped.tolist(),
        strict=True,
    )
    for number, (name, lane, start, end, start_us, end_us, lasted, seen, state, reason, cut) in enumerate(
        columns, first + 1
    ):
        yield (
            f'  {{\n   "number": {number},\n   "episode_id": "{name}",\n{names[lane]}'
            f'   "start": "{start}",\n   "end": "{end}",\n   "start_us": {start_us},\n   "end_us": {end_us},\n'
            f'   "duration_s": {lasted},\n   "seen_s": {seen},\n   "state": "{_STATES[state]}",\n'
            f'   "reason": {_REASONS[reason]},\n   "clipped": {_BOOLEANS[cut]}\n  }}'
        )


def _names(uses: Episodes) -> list[str]:
    return [
        f'   "camera": {_text(stream.camera)},\n   "tool": {_text(tool)},\n   "station": {_text(station)},\n'
        for stream, tool, station in uses.lanes
    ]


def _text(name: str) -> str:
    return to_json(name).decode()


def numbers(column: npt.NDArray[Any]) -> list[str]:
    """Return numbers as JSON has them, which is not always as Python prints them."""
    return to_json(column.tolist()).decode()[1:-1].split(",")
