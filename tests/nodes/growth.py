"""A cluster grows from one worker to four and shrinks to one again while it veils."""

import time
from pathlib import Path

from tests.nodes.autoscaling import Fleet, autoscaled
from tests.nodes.machine import network
from tests.nodes.work import GrowingVeil, prepare, run_command

_MOST = 4
_IDLE_S = 10.0
_ENDS_WITHIN_S = 1500


def grow(place: Path) -> str:
    """Veil on a growing cluster; returns what was otherwise than it should be, empty if nothing."""
    place.mkdir()
    prepare(place)
    work = GrowingVeil.build(place)
    alone, out = place / "alone", place / "grown"
    run_command(place, *work.words(alone), "--on", "local")
    with network(place / "machines") as machines, autoscaled(machines, _MOST, _IDLE_S) as fleet:
        started = time.monotonic()
        job = work.begin(fleet.cluster.head, fleet.cluster.address, out)
        assert job.wait(_ENDS_WITHIN_S) == 0, out.with_suffix(".log").read_text()[-4000:]
        ended = time.monotonic()
        sizes = ", ".join(f"{size} at {at:.0f} s" for at, size in fleet.sizes)
        print(f"veil: {ended - started:.0f} s; workers: {sizes}", flush=True)
        fleet.wait_for(1, 300)
        print(f"one worker again {time.monotonic() - ended:.0f} s after its end", flush=True)
        return "; ".join(filter(None, [work.difference(work.results(alone), out), _faults(fleet)]))


def _faults(fleet: Fleet) -> str:
    """Say whether it did not grow to the most, or left something running."""
    faults = [] if fleet.most() == _MOST else [f"it grew to {fleet.most()} workers alone"]
    left = [f"worker {number} still works" for number in fleet.cluster.busy_workers()]
    return "; ".join([*faults, *left])
