"""Who uses what when: the exact timeline of one camera, and where everything is at any moment."""

import math
from dataclasses import dataclass

import numpy as np

from raypp.demo.workshop.tools import BENCH_CLASSES

REACH_S = 0.8
"""How long a hand takes from the edge of the image to a tool, and back."""

_CARRY_S = 0.9


@dataclass(frozen=True)
class Pose:
    """Where a tool's grip is, in pixels, and how it is turned, in degrees counter-clockwise."""

    x: float
    y: float
    angle: float


@dataclass(frozen=True)
class ScriptedUse:
    """One use of one tool, from the moment a hand takes it up to the moment it lets go.

    Attributes:
        instance: index of the tool on this bench.
        class_id: its class.
        start_s, end_s: presentation time in seconds.
        taken_from, work, put_to: poses before, while worked with, and after.
        entry: where the hand enters the image, in pixels.
        tempo: work movements per second.
    """

    instance: int
    class_id: int
    start_s: float
    end_s: float
    taken_from: Pose
    work: Pose
    put_to: Pose
    entry: tuple[float, float]
    tempo: float

    def pose(self, time_s: float) -> Pose:
        """Pose of the tool at a moment of its use."""
        since, left = time_s - self.start_s, self.end_s - time_s
        if since < _CARRY_S:
            return _between(self.taken_from, self._working(time_s), _ease(since / _CARRY_S))
        if left < _CARRY_S:
            return _between(self.put_to, self._working(time_s), _ease(left / _CARRY_S))
        return self._working(time_s)

    def hand(self, time_s: float) -> tuple[float, float] | None:
        """Where the hand is at a moment, in pixels; None when it is out of the image."""
        if self.start_s <= time_s <= self.end_s:
            pose = self.pose(time_s)
            return pose.x, pose.y
        if self.start_s - REACH_S < time_s < self.start_s:
            near, share = self.taken_from, 1 - (self.start_s - time_s) / REACH_S
        elif self.end_s < time_s < self.end_s + REACH_S:
            near, share = self.put_to, 1 - (time_s - self.end_s) / REACH_S
        else:
            return None
        share = _ease(share)
        return self.entry[0] + (near.x - self.entry[0]) * share, self.entry[1] + (near.y - self.entry[1]) * share

    def _working(self, time_s: float) -> Pose:
        """The work movement of the tool's class around its work pose."""
        phase = 2 * math.pi * self.tempo * (time_s - self.start_s)
        work, swing = self.work, math.sin(phase)
        name = BENCH_CLASSES[self.class_id]
        if name == "part":
            return work
        if name == "hammer":
            return Pose(work.x, work.y - 14 * abs(swing), work.angle + 28 * abs(swing))
        if name == "saw":
            along = math.radians(work.angle)
            return Pose(work.x + 30 * swing * math.cos(along), work.y - 30 * swing * math.sin(along), work.angle)
        if name == "wrench":
            return Pose(work.x + 10 * swing, work.y + 6 * math.cos(phase), work.angle + 35 * swing)
        if name == "screwdriver":
            return Pose(work.x + 3 * swing, work.y + 2 * math.cos(3 * phase), work.angle + 7 * swing)
        return Pose(work.x + 8 * swing, work.y + 5 * math.sin(2 * phase), work.angle + 12 * math.sin(2 * phase))


@dataclass(frozen=True)
class Script:
    """Events before one camera.

    Attributes:
        first: pose of each tool at the start.
        uses: all uses, in order of their start; those of one hand do not overlap.
    """

    first: tuple[Pose, ...]
    uses: tuple[ScriptedUse, ...]

    def resting(self, instance: int, time_s: float) -> Pose | None:
        """Where a tool lies at a moment, or None while it is in a hand."""
        pose = self.first[instance]
        for use in self.uses:
            if use.instance != instance or use.start_s > time_s:
                continue
            if time_s <= use.end_s:
                return None
            pose = use.put_to
        return pose


def make_script(classes: list[int], seconds: float, size: tuple[int, int], generator: np.random.Generator) -> Script:
    """Write the script of one bench: tools on places, taken up one after another, sometimes by two hands at once."""
    places = tool_places(size, len(classes) + 2, generator)
    lying = list(range(len(classes)))
    free = list(range(len(classes), len(places)))
    first = tuple(places[place] for place in lying)
    uses: list[ScriptedUse] = []
    busy_until = [0.0] * len(classes)
    clocks = [float(generator.uniform(1.0, 2.5)), float(generator.uniform(6.0, 14.0))]
    while True:
        hand = int(np.argmin(clocks))
        start = clocks[hand]
        end = start + float(generator.uniform(3.0, 6.5))
        if end + REACH_S + 0.3 > seconds:
            break
        able = [person for person in range(len(classes)) if busy_until[person] + REACH_S < start]
        instance = int(generator.choice(able)) if able else -1
        if instance < 0:
            clocks[hand] += 1.0
            continue
        old = lying[instance]
        new = free.pop(int(generator.integers(len(free)))) if generator.random() < 0.5 else old
        if new != old:
            free.append(old)
            lying[instance] = new
        uses.append(_use(instance, classes[instance], (start, end), (places[old], places[new]), hand, size, generator))
        busy_until[instance] = end
        rest = generator.uniform(2 * REACH_S + 0.2, 3.5) if hand == 0 else generator.uniform(5.0, 12.0)
        clocks[hand] = end + float(rest)
    return Script(first, tuple(sorted(uses, key=lambda use: use.start_s)))


def _use(
    instance: int,
    class_id: int,
    times: tuple[float, float],
    places: tuple[Pose, Pose],
    hand: int,
    size: tuple[int, int],
    generator: np.random.Generator,
) -> ScriptedUse:
    width, height = size
    side = 0.28 if hand == 0 else 0.72
    work = Pose(
        width * float(generator.uniform(side - 0.12, side + 0.12)),
        height * float(generator.uniform(0.62, 0.78)),
        float(generator.uniform(10, 170)),
    )
    entry = (width * float(generator.uniform(side - 0.15, side + 0.15)), height + 90.0)
    put = Pose(places[1].x, places[1].y, places[1].angle + float(generator.uniform(-25, 25)))
    return ScriptedUse(instance, class_id, *times, places[0], work, put, entry, float(generator.uniform(0.6, 1.5)))


def tool_places(size: tuple[int, int], count: int, generator: np.random.Generator) -> list[Pose]:
    """Return places for tools to lie, apart from one another: upper two thirds of the image, jittered on a grid."""
    width, height = size
    columns = -(-count // 2)
    cells = [(column, row) for row in range(2) for column in range(columns)]
    order = generator.permutation(len(cells))[:count]
    poses = []
    for index in order:
        column, row = cells[int(index)]
        x = width * (column + 0.5 + float(generator.uniform(-0.14, 0.14))) / columns
        y = height * (0.18 + 0.30 * row + float(generator.uniform(-0.04, 0.04)))
        poses.append(Pose(x, y, float(generator.uniform(0, 360))))
    return poses


def _between(start: Pose, end: Pose, share: float) -> Pose:
    turn = (end.angle - start.angle + 180) % 360 - 180
    return Pose(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share, start.angle + turn * share)


def _ease(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
