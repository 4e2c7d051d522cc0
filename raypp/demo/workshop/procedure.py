"""A bench on which parts are worked as prescribed, or not: its timeline, and the exact truth of each execution."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypp.demo.procedures import PlantedDeviation, TrueExecution
from raypp.demo.workshop.script import REACH_S, Pose, Script, ScriptedUse, tool_places
from raypp.demo.workshop.tools import CLASSES, PART

STEPS = ("hammer", "screwdriver", "wrench")
"""Tools of the steps, in the order that is prescribed."""
OTHERS = tuple(tool for tool in CLASSES if tool not in STEPS)
"""Tools of the bench that are nobody's deviation."""
SHORTEST_S = 1.9
"""Least length of a step."""
FIXTURE = (0.5, 0.74)
"""Where the part lies while it is worked on, in shares of the image."""
_KINDS = (None, PlantedDeviation.MISSING, PlantedDeviation.SWAPPED, PlantedDeviation.TOO_SHORT)
_STEP_S, _BRIEF_S = (2.5, 3.1), (1.1, 1.3)
_CARRY_S = 1.0
"""How long the part is carried."""
_SIDES = 0.26, 0.76
"""Where left and right hands work, in shares of the image's width."""


@dataclass(frozen=True)
class PlannedBench:
    """Events of a bench with a procedure, and their truth.

    Attributes:
        script: events.
        executions: of the procedure, by start; times in microseconds from the video's start.
    """

    script: Script
    executions: tuple[TrueExecution, ...]


def deal_kinds(seed: int, site: int) -> tuple[PlantedDeviation | None, ...]:
    """Say how executions of a site go, in turn: sites go on where the one before ends, so two have every kind."""
    order = np.random.default_rng([seed, len(_KINDS)]).permutation(len(_KINDS))
    return tuple(_KINDS[int(order[(2 * site + number) % len(_KINDS)])] for number in range(len(_KINDS)))


class BenchPlan:
    """Writes the events of a bench.

    Args:
        size: of the image.
        generator: where chance comes from.
    """

    def __init__(self, size: tuple[int, int], generator: np.random.Generator) -> None:
        width, height = size
        self._size = size
        self._generator = generator
        self._places = tool_places(size, len(CLASSES), generator)
        self._fixture = Pose(FIXTURE[0] * width, FIXTURE[1] * height, 0.0)
        self._away = Pose(FIXTURE[0] * width, height + 80.0, 0.0)
        self._uses: list[ScriptedUse] = []
        self._hand = 1

    def write(self, seconds: float, kinds: Sequence[PlantedDeviation | None]) -> PlannedBench:
        """Write as many executions as end in time.

        Args:
            seconds: how long something happens.
            kinds: deviation of each execution in turn, None where it is as prescribed; then from the first again.
        """
        now_s = float(self._generator.uniform(0.3, 0.7))
        executions: list[TrueExecution] = []
        while True:
            before = len(self._uses)
            execution, now_s = self._execution(now_s, kinds[len(executions) % len(kinds)])
            if execution.end_us / 1e6 + REACH_S > seconds:
                del self._uses[before:]
                break
            executions.append(execution)
        self._other_uses(seconds)
        first = (*self._places, self._away)
        uses = tuple(sorted(self._uses, key=lambda use: use.start_s))
        return PlannedBench(Script(first, uses), tuple(executions))

    def _execution(self, start_s: float, kind: PlantedDeviation | None) -> tuple[TrueExecution, float]:
        """Lay a part on the fixture, do the steps, take it away; returns it, and when the next one may begin."""
        self._carry(start_s, self._away, self._fixture)
        steps, planted = list(STEPS), frozenset[str]()
        at = int(self._generator.integers(len(steps)))
        if kind is PlantedDeviation.MISSING:
            planted = frozenset({steps.pop(at)})
        elif kind is PlantedDeviation.SWAPPED:
            at = min(at, len(steps) - 2)
            planted = frozenset(steps[at : at + 2])
            steps[at : at + 2] = steps[at + 1], steps[at]
        elif kind is PlantedDeviation.TOO_SHORT:
            planted = frozenset({steps[at]})
        now_s = start_s + _CARRY_S + float(self._generator.uniform(0.2, 0.4))
        for step in steps:
            is_brief = kind is PlantedDeviation.TOO_SHORT and step in planted
            end_s = now_s + float(self._generator.uniform(*(_BRIEF_S if is_brief else _STEP_S)))
            self._work(CLASSES.index(step), now_s, end_s)
            now_s = end_s + float(self._generator.uniform(0.5, 0.8))
        self._carry(now_s, self._fixture, self._away)
        execution = TrueExecution(
            round((start_s + _CARRY_S) * 1e6),
            round(now_s * 1e6),
            ((kind, planted),) if kind is not None else (),
            frozenset(steps),
        )
        return execution, now_s + _CARRY_S + float(self._generator.uniform(0.8, 1.2))

    def _carry(self, start_s: float, taken_from: Pose, put_to: Pose) -> None:
        entry = (self._away.x - 60.0, self._size[1] + 90.0)
        times = start_s, start_s + _CARRY_S
        self._uses.append(ScriptedUse(len(CLASSES), PART, *times, taken_from, put_to, put_to, entry, 1.0))

    def _work(self, class_id: int, start_s: float, end_s: float, side: float | None = None) -> None:
        """Take a tool, work with it beside the fixture, put it back; hands take turns."""
        width, height = self._size
        if side is None:
            side, self._hand = _SIDES[self._hand], 1 - self._hand
        across, down, turn, angle = (float(chance) for chance in self._generator.uniform(-1, 1, 4))
        work = Pose(width * (side + 0.05 * across), height * (0.7 + 0.05 * down), 90 + 80 * angle)
        place = self._places[class_id]
        put = Pose(place.x, place.y, place.angle + 25 * turn)
        entry = (width * (side + 0.08 * across), height + 90.0)
        tempo = float(self._generator.uniform(0.8, 1.5))
        self._uses.append(ScriptedUse(class_id, class_id, start_s, end_s, place, work, put, entry, tempo))

    def _other_uses(self, seconds: float) -> None:
        """Use tools that are of no step now and then, beside it all."""
        now_s = float(self._generator.uniform(4, 8))
        while (end_s := now_s + float(self._generator.uniform(3.0, 4.5))) + REACH_S < seconds:
            self._work(CLASSES.index(OTHERS[int(self._generator.integers(len(OTHERS)))]), now_s, end_s, side=0.9)
            now_s = end_s + float(self._generator.uniform(5.0, 9.0))
