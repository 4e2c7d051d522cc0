"""Executions of a procedure at one place, found in its uses; which use is which step is not decided here."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from raypp.procedure.places import PlaceEpisodes, WorkPlace
from raypp.procedure.prescription import Prescription
from raypp.procedure.sight import PlaceSight
from raypp.procedure.uses import StepUse, spans_of, uses_of
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import shifts_between

MOST_USES = 400
"""More uses in one execution are not compared: the alignment of very many has too many ways."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One time that a procedure was done, or begun.

    Attributes:
        procedure: its name.
        place: where.
        start_us, end_us: event time, end exclusive.
        from_us, to_us: within which its steps may have been done, seen or not.
        open: whether it is under way.
        interrupted: whether it was begun anew before its last step.
        uses: at its place and in its time, by start.
        cut: how many more uses there were; see `MOST_USES`.
    """

    procedure: str
    place: WorkPlace
    start_us: int
    end_us: int
    from_us: int
    to_us: int
    open: bool
    uses: tuple[StepUse, ...]
    interrupted: bool = False
    cut: int = 0

    def identity(self, site: str) -> str:
        """Name it by what fixes it, so that the same one found twice is one: 32 hex digits."""
        parts = (site, self.procedure, *self.place.cameras, self.place.station, str(self.start_us))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def find_executions(
    prescription: Prescription,
    settings: SiteSettings,
    place: WorkPlace,
    episodes: PlaceEpisodes,
    sight: PlaceSight,
    until_us: int,
) -> list[Execution]:
    """Find the executions of a procedure at one place, by start.

    Args:
        prescription: the procedure.
        settings: of the site.
        place: the place.
        episodes: of the place.
        sight: what its cameras saw.
        until_us: up to when everything is known.
    """
    uses = uses_of(prescription, episodes.of_steps, sight, until_us)
    rules = prescription.rules.execution
    if rules.during is not None:
        spans = spans_of(episodes.of_execution, sight, until_us)
        listed = _in_spans([(span.start_us, span.end_us, span.open) for span in spans], uses, sight, until_us)
    elif rules.shift:
        first = min((use.start_us for use in uses), default=until_us)
        shifts = shifts_between(settings.shifts, settings.zone, first, until_us)
        listed = _in_spans(
            [(execution.start_us, execution.end_us, execution.end_us > until_us) for execution in shifts],
            uses,
            None,
            until_us,
        )
        listed = [replace(execution, to_us=min(execution.to_us, until_us)) for execution in listed if execution.uses]
    else:
        listed = _bounded(_between_steps(prescription, uses, until_us), prescription, sight, until_us)
    return [_cut(replace(execution, procedure=prescription.rules.name, place=place)) for execution in listed]


_NOWHERE = WorkPlace((), "")


def _execution(start_us: int, end_us: int, uses: Sequence[StepUse], *, is_open: bool) -> Execution:
    return Execution("", _NOWHERE, start_us, end_us, start_us, end_us, is_open, tuple(uses))


def _in_spans(
    spans: Sequence[tuple[int, int, bool]], uses: Iterable[StepUse], sight: PlaceSight | None, until_us: int
) -> list[Execution]:
    """Give each span the uses whose middle lies in it; without `sight`, its edges are certain."""
    listed = []
    left = sorted(uses, key=lambda use: use.middle_us)
    number = 0
    for place, (start_us, end_us, is_open) in enumerate(spans):
        own = []
        last_us = max(end_us, until_us) if is_open else end_us
        while number < len(left) and left[number].middle_us < last_us:
            if left[number].middle_us >= start_us:
                own.append(left[number])
            number += 1
        own.sort(key=_order)
        execution = _execution(start_us, end_us, own, is_open=is_open)
        if sight is not None:
            before_us = spans[place - 1][1] if place else 0
            after_us = spans[place + 1][0] if place + 1 < len(spans) else until_us
            over_us = max(end_us, min(after_us, sight.blind_after(end_us, until_us)))
            execution = replace(
                execution,
                from_us=max(before_us, sight.blind_before(start_us)),
                to_us=until_us if is_open else over_us,
                # nobody saw its end
                open=is_open or end_us < over_us >= until_us,
            )
        listed.append(execution)
    return listed


def _between_steps(prescription: Prescription, uses: Sequence[StepUse], until_us: int) -> list[Execution]:
    """Part uses where a step begins or ends an execution, or a long pause ends it."""
    rules = prescription.rules.execution
    gap_us = prescription.longest_gap_us
    begins = None if rules.begins is None else prescription.labels[prescription.number(rules.begins)]
    ends = None if rules.ends is None else prescription.labels[prescription.number(rules.ends)]
    last_times = 1 if rules.ends is None else max(1, prescription.steps[prescription.number(rules.ends)].least)
    runs: list[_Run] = []
    for use in uses:
        if use.label is None:
            continue
        run = runs[-1] if runs else None
        paused = run is None or run.over_after(gap_us, use.start_us)
        if run is None or paused or run.over_before(use, begins):
            if run is not None:
                run.interrupted = ends is not None and not (paused or run.ended or run.loose)
            runs.append(_Run([use], loose=begins is not None and use.label != begins))
        elif run.ended and use.label != ends:
            runs.append(_Run([use], loose=True))
        else:
            run.uses.append(use)
        run = runs[-1]
        run.ended = ends is not None and sum(own.label == ends for own in run.uses) >= last_times
    runs = _settled(runs, gap_us)
    listed = []
    for number, run in enumerate(runs):
        end_us = max(use.end_us for use in run.uses)
        last = number == len(runs) - 1
        waits = last and not run.ended and (gap_us is None or end_us + gap_us > until_us)
        is_open = waits or any(use.open for use in run.uses)
        execution = _execution(run.uses[0].start_us, end_us, run.uses, is_open=is_open)
        listed.append(replace(execution, interrupted=run.interrupted))
    strangers = [use for use in uses if use.label is None]
    return [_with_strangers(execution, strangers) for execution in listed]


@dataclass(slots=True)
class _Run:
    """Uses of one execution while they are gathered; a loose one does not begin with the step it should."""

    uses: list[StepUse]
    loose: bool = False
    ended: bool = False
    interrupted: bool = False

    def over_after(self, gap_us: int | None, start_us: int) -> bool:
        return gap_us is not None and start_us - max(use.end_us for use in self.uses) > gap_us

    def over_before(self, use: StepUse, begins: int | None) -> bool:
        """Say whether a use begins another: the first step, behind something else or behind the end."""
        return use.label == begins and (self.ended or any(own.label != begins for own in self.uses))


def _settled(runs: list[_Run], gap_us: int | None) -> list[_Run]:
    """Give loose uses to the nearer neighbour, unless they are a whole execution whose beginning was not seen."""
    kept: list[_Run] = []
    before: list[StepUse] = []
    for number, run in enumerate(runs):
        if run.loose and not run.ended:
            after = runs[number + 1] if number + 1 < len(runs) else None
            start_us, end_us = run.uses[0].start_us, max(use.end_us for use in run.uses)
            behind_us = start_us - max(use.end_us for use in kept[-1].uses) if kept else None
            ahead_us = after.uses[0].start_us - end_us if after is not None and not after.loose else None
            near = [gap for gap in (behind_us, ahead_us) if gap is not None and (gap_us is None or gap <= gap_us)]
            if near and min(near) == behind_us:
                kept[-1].uses += run.uses
                continue
            if near:
                before = run.uses
                continue
        run.uses[:0] = before
        before = []
        kept.append(run)
    return kept


def _with_strangers(execution: Execution, strangers: Sequence[StepUse]) -> Execution:
    """Add the uses of tools that are no steps, where their middle lies within the execution."""
    within = [use for use in strangers if execution.start_us <= use.middle_us < execution.end_us]
    return replace(execution, uses=tuple(sorted((*execution.uses, *within), key=_order))) if within else execution


def _bounded(listed: list[Execution], prescription: Prescription, sight: PlaceSight, until_us: int) -> list[Execution]:
    """Say within which time steps that were not seen may have been done: up to the neighbours, and to a long pause."""
    gap_us = prescription.longest_gap_us or 0
    ends = [0, *(execution.end_us for execution in listed)]
    starts = [*(execution.start_us for execution in listed), max(until_us, *ends)]
    return [
        replace(
            execution,
            from_us=min(
                execution.start_us,
                max(ends[number], min(execution.start_us - gap_us, sight.blind_before(execution.start_us))),
            ),
            to_us=max(
                execution.end_us,
                min(starts[number + 1], max(execution.end_us + gap_us, sight.blind_after(execution.end_us, until_us))),
            ),
        )
        for number, execution in enumerate(listed)
    ]


def _cut(execution: Execution) -> Execution:
    more = len(execution.uses) - MOST_USES
    return replace(execution, uses=execution.uses[:MOST_USES], cut=more) if more > 0 else execution


def _order(use: StepUse) -> tuple[int, int, str, str, str]:
    return use.start_us, use.end_us, use.tool, use.station, use.episodes[0].episode_id


def overlapping(executions: Sequence[Execution]) -> list[tuple[Execution, Execution]]:
    """List pairs of executions at one place at the same time: whose a use is, nobody can say."""
    ordered = sorted(executions, key=lambda execution: (execution.start_us, execution.end_us, execution.procedure))
    pairs = []
    for number, execution in enumerate(ordered):
        for other in ordered[number + 1 :]:
            if other.start_us >= execution.end_us:
                break
            if _share(execution.place, other.place):
                pairs.append((execution, other))
    for execution, other in pairwise(ordered):
        if execution.interrupted and execution.place == other.place and (execution, other) not in pairs:
            pairs.append((execution, other))
    return pairs


def _share(execution: WorkPlace, other: WorkPlace) -> bool:
    return bool(set(execution.cameras) & set(other.cameras)) and (
        execution.station == other.station or not execution.station or not other.station
    )
