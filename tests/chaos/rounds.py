"""Rounds: one run that nobody disturbs, and runs that must leave the same in the ledger whatever is done to them."""

import random
import time
from collections.abc import Callable, Sequence

from tests.chaos.mischief import Mischief
from tests.chaos.world import Dump, Stage, World, running_world

_ENDS_WITHIN_S = 400
_MISCHIEF_S = 240
Say = Callable[[str], None]


def undisturbed(stage: Stage) -> Dump:
    """Run a world to its end; returns what its ledger then holds."""
    with running_world(stage, "undisturbed") as world:
        _wait(world)
        found = world.dump()
    assert len(found["streams"]) == stage.plan.streams()
    assert found["frames"]
    return found


def disturbed(stage: Stage, seed: int, mischiefs: Sequence[Mischief], say: Say, pause_s: tuple[float, float]) -> Dump:
    """Run a world to its end while mischief is done to it, for four minutes at most.

    Args:
        stage: what it is made of.
        seed: of what is done when.
        mischiefs: what may be done; each is done once, in random order, before any is done again.
        say: told of each.
        pause_s: shortest and longest time between two.
    """
    chance = random.Random(seed)
    with running_world(stage, f"round-{seed}") as world:
        started = time.monotonic()
        waiting: list[Mischief] = []
        while world.running_sites() and time.monotonic() - started < _MISCHIEF_S:
            time.sleep(chance.uniform(*pause_s))
            if not waiting:
                waiting = chance.sample(list(mischiefs), len(mischiefs))
            if world.running_sites():
                done = waiting.pop()(world, chance)
                say(f"{time.monotonic() - started:5.0f} s  {done}")
        _wait(world)
        return world.dump()


def difference(expected: Dump, found: Dump) -> str:
    """Say where two ledgers differ; empty if nowhere."""
    said = []
    for name, rows in expected.items():
        missing, extra = set(rows) - set(found[name]), set(found[name]) - set(rows)
        if missing or extra or len(rows) != len(found[name]):
            examples = [*(f"missing {row}" for row in sorted(missing, key=str)[:3])]
            examples += [f"extra {row}" for row in sorted(extra, key=str)[:3]]
            said.append(f"{name}: {len(rows)} expected, {len(found[name])} found; " + "; ".join(examples))
    return "\n".join(said)


def _wait(world: World) -> None:
    deadline = time.monotonic() + _ENDS_WITHIN_S
    while world.running_sites():
        assert time.monotonic() < deadline, "the agents do not come to their end"
        time.sleep(0.5)
