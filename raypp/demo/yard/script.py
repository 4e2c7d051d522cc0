"""Who walks where and wears what: the exact timeline of one yard."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from raypp.demo.yard.figure import HEIGHT, WIDTH, Facing, Outfit, PersonFigure

PEOPLE = 6
"""People who come into a yard within a minute."""
_HORIZON = 0.12
_SPOTS = (0.18, 0.62), (0.38, 0.8), (0.5, 0.48), (0.64, 0.72), (0.82, 0.64), (0.75, 0.9), (0.28, 0.93)
_GATE = 0.9, 0.47
"""Where people come out of a building, in shares of the image."""
_TURNS = tuple(Facing)


@dataclass(frozen=True)
class Person:
    """One person's way through the yard.

    Attributes:
        times, xs, ys: where the person is, feet in pixels, in between straight; the first and last moment too.
        turns: from when on the person looks where, while standing.
        stature: height of this person over that of the others.
        outfits: from when on the person wears what.
    """

    times: tuple[float, ...]
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    turns: tuple[tuple[float, Facing], ...]
    stature: float
    outfits: tuple[tuple[float, Outfit], ...]

    def figure(self, time_s: float) -> PersonFigure | None:
        """Return the person's figure at a moment; None before and after."""
        if not self.times[0] <= time_s < self.times[-1]:
            return None
        leg = bisect_right(self.times, time_s) - 1
        share = (time_s - self.times[leg]) / (self.times[leg + 1] - self.times[leg])
        x = self.xs[leg] + (self.xs[leg + 1] - self.xs[leg]) * share
        y = self.ys[leg] + (self.ys[leg + 1] - self.ys[leg]) * share
        return PersonFigure(x, y, height_at(y) * self.stature, self._facing(leg, time_s))

    def outfit(self, time_s: float) -> Outfit:
        """Return what the person wears at a moment."""
        return self.outfits[bisect_right(self.outfits, time_s, key=lambda entry: entry[0]) - 1][1]

    def _facing(self, leg: int, time_s: float) -> Facing:
        across, along = self.xs[leg + 1] - self.xs[leg], self.ys[leg + 1] - self.ys[leg]
        if across == along == 0:
            return self.turns[max(bisect_right(self.turns, time_s, key=lambda entry: entry[0]) - 1, 0)][1]
        if abs(across) > 2 * abs(along):
            return Facing.RIGHT if across > 0 else Facing.LEFT
        return Facing.FRONT if along > 0 else Facing.BACK


def height_at(y: float) -> float:
    """Return how high a person of usual stature stands whose feet are at a height of the image; pixels."""
    return 0.72 * (y - _HORIZON * HEIGHT)


def write_script(seconds: float, generator: np.random.Generator, tall: float = 1.0) -> tuple[Person, ...]:
    """Write what happens in a yard.

    Args:
        seconds: for how long.
        generator: where chance comes from.
        tall: how many times as high as usual people are in the image: of a camera that is nearer, at most 1.4.
    """
    count = max(2, round(PEOPLE * seconds / 60))
    starts = sorted(float(start) for start in generator.uniform(-5, 0.8 * seconds, count))
    return tuple(_write_person(start, generator, tall) for start in starts)


def _write_person(start_s: float, generator: np.random.Generator, tall: float) -> Person:
    stature = tall * float(generator.uniform(0.93, 1.07))
    points = [_entrance(generator)]
    for spot in generator.permutation(len(_SPOTS))[: int(generator.integers(2, 5))]:
        across, down = _SPOTS[int(spot)]
        jitter = generator.uniform(-0.04, 0.04, 2)
        points.append((WIDTH * (across + float(jitter[0])), HEIGHT * min(down + float(jitter[1]), 0.97)))
    points.append(_entrance(generator))
    now, (x, y) = start_s, points[0]
    stops = [(now, x, y)]
    for number, (to_x, to_y) in enumerate(points[1:], 1):
        pace = float(generator.uniform(0.55, 0.9)) * height_at((y + to_y) / 2)
        now += max(0.4, float(np.hypot(to_x - x, 1.6 * (to_y - y))) / pace)
        x, y = to_x, to_y
        stops.append((now, x, y))
        if number < len(points) - 1 and generator.random() < 0.8:
            now += float(generator.uniform(3, 14))
            stops.append((now, x, y))
    turns = _moments(start_s, now, 3.5, 9.0, generator)
    return Person(
        times=tuple(stop[0] for stop in stops),
        xs=tuple(stop[1] for stop in stops),
        ys=tuple(stop[2] for stop in stops),
        turns=tuple((at, _TURNS[int(generator.integers(4))]) for at in turns),
        stature=stature,
        outfits=_outfits(start_s, now, generator),
    )


def _entrance(generator: np.random.Generator) -> tuple[float, float]:
    """Beyond the left or right edge of the image, or the gate."""
    kind = generator.random()
    if kind < 0.25:
        return WIDTH * _GATE[0], HEIGHT * _GATE[1]
    y = HEIGHT * float(generator.uniform(0.55, 0.95))
    return (-0.25 * height_at(y) if kind < 0.62 else WIDTH + 0.25 * height_at(y)), y


def _outfits(start_s: float, end_s: float, generator: np.random.Generator) -> tuple[tuple[float, Outfit], ...]:
    """Change one item at a time, a while apart."""
    worn = dict(zip(("helmet", "vest", "glasses", "shoes"), map(bool, generator.random(4) < 0.75), strict=True))
    gloves = int(generator.choice((0, 1, 2), p=(0.25, 0.1, 0.65)))
    carried = bool(generator.random() < 0.4)
    outfits = [(start_s, Outfit(**worn, gloves=gloves, carried=carried))]
    for at in _moments(start_s, end_s, 5.0, 15.0, generator)[1:]:
        item = str(generator.choice(("helmet", "helmet", "vest", "glasses", "gloves")))
        if item == "gloves":
            gloves = 0 if gloves else 2
        else:
            worn[item] = not worn[item]
        outfits.append((at, Outfit(**worn, gloves=gloves, carried=carried)))
    return tuple(outfits)


def _moments(start_s: float, end_s: float, least: float, most: float, generator: np.random.Generator) -> list[float]:
    moments = [start_s]
    while moments[-1] < end_s:
        moments.append(moments[-1] + float(generator.uniform(least, most)))
    return moments
