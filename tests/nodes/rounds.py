"""Rounds: work during which a node is lost, and what that cost."""

import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.nodes.cluster import RayCluster
from tests.nodes.timeline import Event, events, say, watched
from tests.nodes.work import Results, Work

_ENDS_WITHIN_S = 900
_LOOK_S = 0.05


@dataclass(frozen=True)
class Round:
    """Outcome of a run.

    Attributes:
        difference: from what the undisturbed run left; empty if none.
        seconds: that it took.
        lost_at: steps that were done as the node was lost.
        had_work: whether the node worked then.
        waited_s: longest time without progress after that, to the first progress, between two, or to the end.
        after_s: from the loss to the end.
    """

    difference: str
    seconds: float
    lost_at: int = 0
    had_work: bool = False
    waited_s: float = 0.0
    after_s: float = 0.0

    def __str__(self) -> str:
        idle = "" if self.had_work else " that had no work"
        return (
            f"{self.seconds:.0f} s; a node{idle} lost after {self.lost_at} steps; then longest without progress "
            f"{self.waited_s:.0f} s, to the end {self.after_s:.0f} s: {self.difference or 'the same'}"
        )


def undisturbed(work: Work, cluster: RayCluster, out: Path) -> float:
    """Do work on a cluster that loses nothing; returns the seconds that it took."""
    started = time.monotonic()
    job = work.begin(cluster.head, cluster.address, out)
    log = out.with_suffix(".log")
    assert job.wait(_ENDS_WITHIN_S) == 0, log.read_text()[-4000:]
    return time.monotonic() - started


def disturbed(
    work: Work, cluster: RayCluster, out: Path, chance: random.Random, expected: Results, *, returns: bool
) -> Round:
    """Do work, and lose a worker node in its middle, of those that work if there are any.

    Args:
        work: the work.
        cluster: with a worker node at least.
        out: folder for what it leaves.
        chance: of when and which.
        expected: results of the same work, undisturbed.
        returns: whether the node comes back while the work goes on; else after it.
    """
    started = time.monotonic()
    job = work.begin(cluster.head, cluster.address, out)
    log = out.with_suffix(".log")
    at = chance.randint(1, work.steps * 3 // 4) if work.steps else 0
    while work.progress(out) < at or not (busy := cluster.busy_workers(work.actor)):
        assert job.poll() is None, f"it ended before a node was lost\n{log.read_text()[-4000:]}"
        assert time.monotonic() - started < _ENDS_WITHIN_S, log.read_text()[-4000:]
        time.sleep(_LOOK_S)
    number = chance.choice(busy)
    had_work = number in cluster.busy_workers(work.actor)
    returns = returns or work.needs_all
    with ThreadPoolExecutor(1) as pool, watched(cluster.address, out.with_suffix(".timeline")) as timeline:
        lost_s = time.time()
        cluster.worker(number).lose()
        lost_at, lost = work.progress(out), time.monotonic()
        starting = pool.submit(cluster.start_worker, number) if returns else None
        waited_s, seen, changed = 0.0, lost_at, lost
        steps: list[Event] = []
        while job.poll() is None:
            now = work.progress(out)
            if now > seen:
                waited_s, seen, changed = max(waited_s, time.monotonic() - changed), now, time.monotonic()
                steps.append(Event(time.time(), f"{now} of {work.steps} steps done"))
            if time.monotonic() - started > _ENDS_WITHIN_S:
                job.kill()
            time.sleep(_LOOK_S)
        ended = time.monotonic()
        if starting:
            starting.result()
        say(lost_s, steps, events(timeline, lost_s))
    if not returns:
        cluster.start_worker(number)
    words = log.read_text()[-2000:]
    difference = f"exit {job.returncode}: {words}" if job.returncode else work.difference(expected, out)
    if not difference:
        shutil.rmtree(out)
    return Round(difference, ended - started, lost_at, had_work, max(waited_s, ended - changed), ended - lost)
