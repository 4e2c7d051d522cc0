"""The truth of a yard by its zones' rules: violations, and person-seconds by state. It shares no code with the fold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from raypp.demo.yard.sight import ITEMS, SeenPerson
from raypp.demo.yard.site import FPS, TrueFrame
from raypp.geometry.polygons import inside
from raypp.usage.equipment import PeopleRules
from raypp.usage.metrics import LabelledSpan
from raypp.usage.observation import Observation
from raypp.usage.rules import Zone

STATES = "worn", "not_worn", "cannot_tell"
_FLAGS = {"worn": "no", "not_worn": "yes", "": "no"}


@dataclass(frozen=True)
class YardTruth:
    """The truth of one yard.

    Attributes:
        violations: labelled with rule, zone and item.
        person_seconds: by zone, item and one of `STATES`.
    """

    violations: tuple[LabelledSpan, ...]
    person_seconds: dict[tuple[str, str, str], float]


def make_yard_truth(
    frames: Sequence[TrueFrame], zones: Mapping[str, Zone], people: PeopleRules, fps: float = FPS
) -> YardTruth:
    """Work out the truth of a yard.

    Args:
        frames: of the yard, each of which stands for the time up to the next one.
        zones: of the camera, without shifts.
        people: for how long a person may be unseen and counts all the same, and an item and is as before.
        fps: frames a second.
    """
    covered = [frame.frame.observation is not Observation.OBSERVED for frame in frames]
    rows = _rows(frames, covered, round(people.max_missing_s * fps))
    states = {number: _states(row, round(people.hold_s * fps)) for number, row in rows.items()}
    violations: list[LabelledSpan] = []
    seconds: dict[tuple[str, str, str], float] = {}
    for name, zone in zones.items():
        there = {
            number: [person is not None and inside(person.feet, zone.polygon) for person in row]
            for number, row in rows.items()
        }
        for item in zone.require:
            for number, of_items in states.items():
                of_item = [held if here else "" for held, here in zip(of_items[item], there[number], strict=True)]
                violations += _spans(
                    ("require", name, item), [_FLAGS.get(state, "unknown") for state in of_item], zone, fps
                )
                for state in filter(None, of_item):
                    key = name, item, state if state in _FLAGS else "cannot_tell"
                    seconds[key] = seconds.get(key, 0.0) + 1 / fps
        for rule, flags in _zone_flags(zone, list(there.values())):
            seen = ["unknown" if hidden else flag for flag, hidden in zip(flags, covered, strict=True)]
            violations += _spans((rule, name, ""), seen, zone, fps)
    return YardTruth(tuple(violations), seconds)


def _rows(frames: Sequence[TrueFrame], covered: Sequence[bool], longest: int) -> dict[int, list[SeenPerson | None]]:
    """For each person the truth on each frame; None where not there, or unseen for longer than counts."""
    rows: dict[int, list[SeenPerson | None]] = {}
    for index, frame in enumerate(frames):
        for person in frame.people:
            known = replace(person, box=None, states=("blind",) * len(ITEMS)) if covered[index] else person
            rows.setdefault(person.number, [None] * len(frames))[index] = known
    for row in rows.values():
        shown = [person is not None and person.box is not None for person in row]
        for is_shown, run in groupby(range(len(row)), key=shown.__getitem__):
            unseen = list(run)
            first, last = unseen[0], unseen[-1]
            at_an_end = first == 0 or last == len(row) - 1 or None in (row[first - 1], row[last + 1])
            if not is_shown and (len(unseen) > longest or at_an_end):
                for index in unseen:
                    row[index] = None
    return rows


def _states(row: Sequence[SeenPerson | None], hold: int) -> dict[str, list[str]]:
    """For each item its state on each frame, "" where nobody is; what is unseen for a moment is as what follows."""
    by_item = {}
    for number, item in enumerate(ITEMS):
        states = ["" if person is None else person.states[number] for person in row]
        start = 0
        for state, run in groupby(list(states)):
            end = start + len(list(run))
            if state and state not in _FLAGS and start > 0 and end < len(states) and end - start <= hold:
                known = states[start - 1] in _FLAGS and states[end] in _FLAGS
                states[start:end] = [states[end] if known else state] * (end - start)
            start = end
        by_item[item] = states
    return by_item


def _zone_flags(zone: Zone, there: Sequence[Sequence[bool]]) -> Iterator[tuple[str, list[str]]]:
    """For each rule that is not about items its name, and when it is violated."""
    counts = [sum(on_frame) for on_frame in zip(*there, strict=True)]
    if zone.forbidden:
        for row in there:
            yield "forbidden", ["yes" if here else "no" for here in row]
    if zone.most_people is not None:
        yield "most_people", ["yes" if count > zone.most_people else "no" for count in counts]
    if zone.alone:
        yield "alone", ["yes" if count == 1 else "no" for count in counts]


def _spans(label: tuple[str, str, str], flags: Sequence[str], zone: Zone, fps: float) -> list[LabelledSpan]:
    """Violations of one rule: time with flag "yes", short breaks bridged, less the grace, of some length."""
    runs: list[tuple[int, int]] = []
    for index, flag in enumerate(flags):
        if flag == "yes":
            if runs and runs[-1][1] == index:
                runs[-1] = (runs[-1][0], index + 1)
            else:
                runs.append((index, index + 1))
    spans, least = [], (zone.grace_s + zone.min_s) * fps - 1e-9
    start = end = seen = 0
    is_open = False
    for first, last in [*runs, (10**9, 10**9)]:
        goes_on = seen and first - end <= zone.max_gap_s * fps and (is_open or 2 * seen > first - start)
        if not goes_on:
            if is_open:
                spans.append(LabelledSpan(label, start / fps + zone.grace_s, end / fps))
            start, seen, is_open = first, 0, False
        seen += last - first
        end = last
        is_open = is_open or 2 * seen - (end - start) >= least
    return spans
