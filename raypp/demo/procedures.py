"""Benches where a procedure is followed and broken, with exact truth: no images, but the uses a perfect detector finds.

A part lies on a fixture for each execution. Some steps are left out, swapped, done too briefly or once too often, and
now and then a tool is used that belongs to none. Something may cover the camera over whole steps, or parts of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch, episode_id
from raypp.usage.observation import Observation
from raypp.usage.settings import SiteSettings
from raypp.usage.spans import Spans, length, shared, union, without

SITE, CAMERA, PART, STRANGER = "bench-site", "bench-1", "part", "stranger"
_STARTS_US = 1_772_000_000_000_000
_MIN_ON_S, _MAX_GAP_S = 0.5, 0.4
_SHORTEST_S, _LONGEST_S = 4.0, 20.0


class BenchSplit(Enum):
    """Purpose of a bench; benches of different splits have no seed in common."""

    DEVELOP = 0
    TRAIN = 1
    JUDGE = 2


class PlantedDeviation(Enum):
    """A deviation that is planted."""

    MISSING = "missing"
    SWAPPED = "out_of_order"
    EXTRA = "extra"
    TOO_SHORT = "too_short"
    REPEATED = "repeated"


@dataclass(frozen=True)
class TrueExecution:
    """One execution as it really happened.

    Attributes:
        start_us, end_us: while the part is on the fixture.
        planted: deviations, each with the steps at which it may be found; empty for a stranger's tool.
        done: names of the steps that were done, seen or not.
    """

    start_us: int
    end_us: int
    planted: tuple[tuple[PlantedDeviation, frozenset[str]], ...]
    done: frozenset[str]


@dataclass(frozen=True)
class ProcedureBench:
    """A bench with a procedure.

    Attributes:
        settings: of its site, with one procedure.
        episodes: as the fold finds them where every frame is right.
        stretches: of the same time.
        truth: its executions, by start.
        until_us: the end of all.
    """

    settings: SiteSettings
    episodes: tuple[Episode, ...]
    stretches: tuple[Stretch, ...]
    truth: tuple[TrueExecution, ...]
    until_us: int


@dataclass
class _Script:
    """Steps as they are done, in order: name, tool, seconds."""

    doings: list[tuple[str, str, float]] = field(default_factory=list)
    planted: list[tuple[PlantedDeviation, frozenset[str]]] = field(default_factory=list)


def make_procedure_bench(
    split: BenchSplit, number: int, *, executions: int = 30, deviating: float = 0.5, blind: float = 0.0
) -> ProcedureBench:
    """Make a bench.

    Args:
        split: what it is for.
        number: the same one is the same bench.
        executions: how many there are.
        deviating: share of executions with deviations.
        blind: share of executions in which something covers the camera for a while.
    """
    rng = np.random.default_rng([split.value, number])
    fixed, written = _procedure(rng)
    settings = SiteSettings.parse(_yaml(fixed, written), "settings of a made bench")
    now_us, true, covered = _STARTS_US, [], []
    uses: list[tuple[str, int, int]] = []
    for _ in range(executions):
        script = _script(rng, fixed)
        if rng.random() < deviating:
            _break(rng, script, fixed)
        start_us = now_us
        now_us += _us(rng.uniform(1, 3))
        begun = len(uses)
        for _, tool, seconds in script.doings:
            uses.append((tool, now_us, now_us + _us(seconds)))
            now_us += _us(seconds + rng.uniform(0.8, 4))
        end_us = now_us
        uses.append((PART, start_us, end_us))
        if rng.random() < blind:
            covered.append(_cover(rng, uses[begun:-1]))
        done = frozenset(name for name, _, _ in script.doings)
        true.append(TrueExecution(start_us, end_us, tuple(script.planted), done))
        now_us += _us(rng.uniform(3, 8))
    blind_spans = union(covered)
    observed = without(((_STARTS_US, now_us),), blind_spans)
    episodes = _episodes(uses, observed, settings.settings_id)
    return ProcedureBench(settings, episodes, tuple(_stretches(observed, blind_spans)), tuple(true), now_us)


@dataclass(frozen=True)
class _Step:
    """A step of the script: `among` names the others that may stand before or after it."""

    name: str
    tool: str
    least: int = 1
    most: int = 1
    among: int = -1
    only_one: bool = False


def _procedure(rng: np.random.Generator) -> tuple[list[_Step], str]:
    """Draw a procedure: steps in order, three in any order, one that is repeated, one that is optional, a choice."""
    kinds = ["step", "step", "step", "any_order", "repeat", "optional", "one_of"]
    rng.shuffle(kinds)
    steps: list[_Step] = []
    lines = []
    for group, kind in enumerate(["step", *kinds, "step"]):
        size = {"any_order": 3, "one_of": 2}.get(kind, 1)
        least, most = {"repeat": (1, 3), "optional": (0, 1)}.get(kind, (1, 1))
        grouped = group if size > 1 else -1
        own = [
            _Step(f"step-{len(steps) + place}", f"tool-{len(steps) + place}", least, most, grouped, kind == "one_of")
            for place in range(size)
        ]
        steps += own
        written = [
            f"{{name: {step.name}, tools: [{step.tool}], min_s: {_SHORTEST_S}, max_s: {3 * _LONGEST_S}"
            + (f", repeat: [{least}, {most}]" if kind == "repeat" else "")
            + (", optional: true}" if kind == "optional" else "}")
            for step in own
        ]
        lines.append(f"      - {written[0]}" if size == 1 else f"      - {kind}: [{', '.join(written)}]")
    return steps, "\n".join(lines)


def _yaml(steps: Iterable[_Step], written: str) -> str:
    tools = [*(step.tool for step in steps), PART, STRANGER]
    lines = "\n".join(f"  - {{class: {tool}, min_on_s: {_MIN_ON_S}, max_gap_s: {_MAX_GAP_S}}}" for tool in tools)
    return f"""tools:
{lines}
procedures:
  - name: made
    cameras: [{CAMERA}]
    execution: {{during: {PART}}}
    steps:
{written}
"""


def _script(rng: np.random.Generator, steps: list[_Step]) -> _Script:
    """Do all as it is prescribed."""
    script = _Script()
    groups: dict[int, list[_Step]] = {}
    for place, step in enumerate(steps):
        groups.setdefault(step.among if step.among >= 0 else 1000 + place, []).append(step)
    for group in groups.values():
        chosen = [group[int(rng.integers(len(group)))]] if group[0].only_one else list(group)
        rng.shuffle(chosen)
        for step in chosen:
            for _ in range(int(rng.integers(step.least, step.most + 1))):
                script.doings.append(_doing(rng, step))
    return script


def _doing(rng: np.random.Generator, step: _Step) -> tuple[str, str, float]:
    return step.name, step.tool, float(rng.uniform(1.3 * _SHORTEST_S, _LONGEST_S))


def _break(rng: np.random.Generator, script: _Script, steps: list[_Step]) -> None:
    """Plant one or two deviations, at steps that do not touch."""
    by_name = {step.name: step for step in steps}
    touched: set[str] = set()
    for kind in _some_kinds(rng):
        names = [name for name, _, _ in script.doings]
        free = [place for place in range(1, len(names)) if not touched & set(names[place - 1 : place + 2])]
        places = [place for place in free if _may_break(kind, names, by_name, place)]
        if places:
            place = places[int(rng.integers(len(places)))]
            touched |= set(names[place - 1 : place + 2])
            _plant(rng, kind, script, by_name, place, [other for other in (*free, len(names)) if other > place])


def _some_kinds(rng: np.random.Generator) -> list[PlantedDeviation]:
    kinds = list(PlantedDeviation)
    return [kinds[number] for number in rng.permutation(len(kinds))[: int(rng.integers(1, 3))]]


def _may_break(kind: PlantedDeviation, names: list[str], steps: dict[str, _Step], place: int) -> bool:
    before, step = steps.get(names[place - 1]), steps.get(names[place])
    if step is None or before is None or names.count(step.name) > 1 or names.count(before.name) > 1:
        return False
    if kind is PlantedDeviation.MISSING:
        return step.least == 1
    if kind is PlantedDeviation.SWAPPED:
        # the order of steps of one group is free
        return step.among != before.among or step.among < 0
    if kind is PlantedDeviation.REPEATED:
        return step.most == 1
    return True


def _plant(
    rng: np.random.Generator,
    kind: PlantedDeviation,
    script: _Script,
    steps: dict[str, _Step],
    place: int,
    later: list[int],
) -> None:
    doings = script.doings
    name, tool, _ = doings[place]
    where = frozenset({name})
    if kind is PlantedDeviation.MISSING:
        del doings[place]
        if steps[name].only_one:
            where = frozenset(step.name for step in steps.values() if step.only_one)
    elif kind is PlantedDeviation.SWAPPED:
        where = frozenset({doings[place - 1][0], name})
        doings[place - 1], doings[place] = doings[place], doings[place - 1]
    elif kind is PlantedDeviation.EXTRA:
        doings.insert(place, ("", STRANGER, float(rng.uniform(_SHORTEST_S, _LONGEST_S))))
        where = frozenset()
    elif kind is PlantedDeviation.TOO_SHORT:
        doings[place] = (name, tool, float(rng.uniform(2 * _MIN_ON_S, 0.8 * _SHORTEST_S)))
    else:
        doings.insert(later[int(rng.integers(len(later)))], _doing(rng, steps[name]))
    script.planted.append((kind, where))


def _cover(rng: np.random.Generator, uses: list[tuple[str, int, int]]) -> tuple[int, int]:
    """Cover one to three uses that follow each other, the first and last of them wholly or in part."""
    first = int(rng.integers(len(uses)))
    last = min(len(uses) - 1, first + int(rng.integers(3)))
    _, first_us, first_end_us = uses[first]
    _, last_us, last_end_us = uses[last]
    start_us = first_us - _us(rng.uniform(0, 0.7)) if rng.random() < 0.5 else int(rng.integers(first_us, first_end_us))
    end_us = last_end_us + _us(rng.uniform(0, 0.7)) if rng.random() < 0.5 else int(rng.integers(last_us, last_end_us))
    return (start_us, end_us) if start_us < end_us else (first_us, last_end_us)


def _episodes(uses: Iterable[tuple[str, int, int]], observed: Spans, settings_id: str) -> tuple[Episode, ...]:
    """Cut uses where the camera did not see, as the fold does."""
    stream = StreamName(SITE, CAMERA, 1)
    by_tool: dict[str, list[tuple[int, int]]] = {}
    for tool, start_us, end_us in uses:
        by_tool.setdefault(tool, []).append((start_us, end_us))
    episodes = []
    for tool, true in by_tool.items():
        pieces: list[tuple[int, int, int]] = []
        for start_us, end_us in shared(union(true), observed):
            if pieces and start_us - pieces[-1][1] <= _us(_MAX_GAP_S):
                pieces[-1] = (pieces[-1][0], end_us, pieces[-1][2] + end_us - start_us)
            else:
                pieces.append((start_us, end_us, end_us - start_us))
        ends = {end_us for _, end_us in true}
        for start_us, end_us, seen_us in pieces:
            if seen_us >= _us(_MIN_ON_S):
                name = episode_id(stream, tool, "", start_us, settings_id)
                episode = Episode(name, stream, tool, "", start_us, end_us, seen_us, EpisodeState.FINAL)
                whole = end_us in ends and any(start <= end_us < end for start, end in observed)
                reason = CloseReason.ENDED if whole else CloseReason.NOT_OBSERVED
                episodes.append(replace(episode, reason=reason))
    return tuple(sorted(episodes, key=lambda episode: (episode.start_us, episode.episode_id)))


def _stretches(observed: Spans, covered: Spans) -> Iterator[Stretch]:
    stream = StreamName(SITE, CAMERA, 1)
    kinds = ((observed, Observation.OBSERVED), (covered, Observation.COVERED))
    stretches = [Stretch(stream, start_us, end_us, kind) for spans, kind in kinds for start_us, end_us in spans]
    yield from sorted(stretches, key=lambda stretch: stretch.start_us)


def hidden_steps(bench: ProcedureBench, execution: TrueExecution) -> bool:
    """Say whether something was covered during an execution."""
    seen = shared(
        ((execution.start_us, execution.end_us),),
        union(
            (stretch.start_us, stretch.end_us)
            for stretch in bench.stretches
            if stretch.observation is Observation.OBSERVED
        ),
    )
    return length(seen) < execution.end_us - execution.start_us


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
