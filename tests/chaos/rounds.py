"""Rounds: one run that nobody disturbs, and runs that must leave the same in the ledger whatever is done to them."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from tests.chaos.mischief import Mischief, NothingDoneError
from tests.chaos.world import Dump, World

_ENDS_WITHIN_S = 900
_MISCHIEF_S = 240
Say = Callable[[str], None]


def undisturbed(world: World) -> Dump:
    """Wait for a world's end; returns what its ledger then holds."""
    _wait(world)
    dump = world.dump()
    assert len(dump["streams"]) == world.stage.plan.streams()
    assert dump["frames"]
    untold = world.untold()
    assert not untold, untold
    return dump


@dataclass(frozen=True)
class Round:
    """Outcome of a run: what it leaves in the ledger, how often each mischief was done, faults of what it told."""

    dump: Dump
    done: Counter[str]
    untold: str = ""
    events: Counter[str] = field(default_factory=Counter)


def disturbed(
    world: World,
    seed: int,
    mischiefs: Sequence[Mischief],
    say: Say,
    pause_s: tuple[float, float],
    most: int | None = None,
    down_s: float = 0,
) -> Round:
    """Wait for a world's end while mischief is done to it, for four minutes at most.

    Args:
        world: a world that runs.
        seed: of what is done when.
        mischiefs: what may be done; each is done once, in random order, before any is done again.
        say: told of each.
        pause_s: shortest and longest time between two.
        most: no more is done once each was done so often; None goes on to the end.
        down_s: for how long the web server takes nothing, from the beginning on.
    """
    with world.listeners.down_meanwhile(down_s) if down_s else nullcontext():
        done = _do(world, random.Random(seed), mischiefs, say, pause_s, most)
        _wait(world)
    untold = world.untold()
    return Round(world.dump(), done, untold, world.listeners.counted)


def _do(
    world: World,
    chance: random.Random,
    mischiefs: Sequence[Mischief],
    say: Say,
    pause_s: tuple[float, float],
    most: int | None,
) -> Counter[str]:
    """Do mischief until the world's end, or until each was done often enough."""
    started = time.monotonic()
    waiting: list[Mischief] = []
    done: Counter[str] = Counter()
    while world.running_sites() and time.monotonic() - started < _MISCHIEF_S:
        if most is not None and all(done[possible.__name__] >= most for possible in mischiefs):
            break
        time.sleep(chance.uniform(*pause_s))
        if not waiting:
            waiting = chance.sample(list(mischiefs), len(mischiefs))
        if world.running_sites():
            mischief = waiting.pop()
            try:
                outcome = mischief(world, chance)
                done[mischief.__name__] += 1
            except NothingDoneError as nothing:
                outcome = str(nothing)
                if waiting:  # the others first; where it was the last, all begins anew
                    waiting.insert(0, mischief)
            say(f"{time.monotonic() - started:5.0f} s  {outcome}")
    return done


def undone(mischiefs: Sequence[Mischief], done: Counter[str]) -> list[str]:
    """Names of the mischiefs that were never really done: a run that they left alone proves nothing of them."""
    return [possible.__name__ for possible in mischiefs if not done[possible.__name__]]


def difference(expected: Dump, held: Dump) -> str:
    """Say where two ledgers differ; empty if nowhere."""
    lines = []
    for name, rows in expected.items():
        missing, extra = set(rows) - set(held[name]), set(held[name]) - set(rows)
        if missing or extra or len(rows) != len(held[name]):
            examples = [*(f"missing {row}" for row in sorted(missing, key=str)[:3])]
            examples += [f"extra {row}" for row in sorted(extra, key=str)[:3]]
            lines.append(f"{name}: {len(rows)} expected, {len(held[name])} found; " + "; ".join(examples))
    return "\n".join(lines)


def _wait(world: World) -> None:
    deadline = time.monotonic() + _ENDS_WITHIN_S
    while world.running_sites():
        assert time.monotonic() < deadline, "the agents do not come to their end"
        time.sleep(0.5)
