"""Who comes to the machine when, takes off what there, and goes where nobody may go: the timeline of one floor."""

import numpy as np

from raypp.demo.yard.figure import HEIGHT, WIDTH, Facing, Outfit
from raypp.demo.yard.script import Person, height_at

_EVERY_S = 9.2
"""How long after one another people come."""
_TALL = 0.8, 0.86
"""Height of people, as a share of the image: so large that a helmet spans two cells of a small square."""
_AWAY_PX, _MACHINE_PX, _CELL_PX = -160.0, (250.0, 560.0), (930.0, 1010.0)
"""Across: beyond the edge, at the machine, in the robot's cell."""
_WALK_S, _CROSS_S, _STAY_S = 2.4, 2.0, 2.6
_TURNS = (Facing.FRONT, Facing.FRONT, Facing.BACK, Facing.LEFT, Facing.RIGHT)


def write_floor_script(seconds: float, generator: np.random.Generator) -> tuple[Person, ...]:
    """Write who comes in turn, without helmet or vest for a while; the first of two goes on into the robot's cell.

    Args:
        seconds: for how long.
        generator: where chance comes from.
    """
    starts = np.arange(0.3, seconds - 0.5 * _EVERY_S, _EVERY_S)
    first = int(generator.integers(2))
    return tuple(
        _write_visit(
            float(start + generator.uniform(0, 0.6)),
            ("helmet", "vest")[(number + first) % 2],
            generator,
            trespasses=number % 2 == 0,
        )
        for number, start in enumerate(starts)
    )


def _write_visit(start_s: float, lacks: str, generator: np.random.Generator, *, trespasses: bool) -> Person:
    y = HEIGHT * float(generator.uniform(0.94, 0.98))
    machine = float(generator.uniform(*_MACHINE_PX))
    arrives = start_s + _WALK_S
    leaves = arrives + float(generator.uniform(6.2, 7.2))
    stops = [(start_s, _AWAY_PX), (arrives, machine), (leaves, machine)]
    if trespasses:
        inside = leaves + _CROSS_S
        cell = float(generator.uniform(*_CELL_PX))
        stops += [(inside, cell), (inside + _STAY_S, cell), (inside + _STAY_S + 1.2, WIDTH - _AWAY_PX)]
    else:
        stops.append((leaves + _WALK_S, _AWAY_PX))
    off = arrives + float(generator.uniform(-0.2, 0.8))
    on = off + float(generator.uniform(4.2, 5.0))
    times = np.arange(arrives, leaves, 2.2)
    return Person(
        times=tuple(time_s for time_s, _ in stops),
        xs=tuple(x for _, x in stops),
        ys=(y,) * len(stops),
        turns=tuple((float(time_s), _TURNS[int(generator.integers(len(_TURNS)))]) for time_s in times),
        stature=HEIGHT * float(generator.uniform(*_TALL)) / height_at(y),
        outfits=_outfits((start_s, off, on), lacks, generator),
    )


def _outfits(
    times: tuple[float, float, float], lacks: str, generator: np.random.Generator
) -> tuple[tuple[float, Outfit], ...]:
    """Wear all, then one item less, then all again; what does not matter at the machine is worn by chance."""
    glasses, shoes, carried = (bool(chance < 0.6) for chance in generator.random(3))
    gloves = 2 * int(generator.integers(2))
    outfits = []
    for time_s, without in zip(times, (False, True, False), strict=True):
        worn = {item: not (without and item == lacks) for item in ("helmet", "vest")}
        outfits.append((time_s, Outfit(**worn, glasses=glasses, shoes=shoes, gloves=gloves, carried=carried)))
        if generator.random() < 0.5:
            glasses, gloves = not glasses, 2 - gloves
    return tuple(outfits)
