"""Rounds: work during which a node is lost, and what that cost."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from tests.nodes.cluster import RayCluster
from tests.nodes.work import Work

_ENDS_WITHIN_S = 900


@dataclass(frozen=True)
class Round:
    """Outcome of a run.

    Attributes:
        difference: from what the undisturbed run left; empty if none.
        seconds: that it took.
        lost_at: steps or frames that were done as the node was lost.
        waited_s: longest time without progress after that.
    """

    difference: str
    seconds: float
    lost_at: int = 0
    waited_s: float = 0.0


def disturbed(work: Work, cluster: RayCluster, out: Path, chance: random.Random, *, returns: bool) -> Round:
    """Do work, and lose a worker node in its middle.

    Args:
        work: the work.
        cluster: with a worker node at least.
        out: folder for what it leaves.
        chance: of when and which.
        returns: whether the node comes back while the work goes on; else after it.
    """
    started = time.monotonic()
    job = work.begin(cluster.head, cluster.address, out)
    number = chance.choice(cluster.workers())
    at = chance.randint(1, work.steps - 2)
    log = out.with_suffix(".log")
    while work.progress(out) < at:
        assert job.poll() is None, log.read_text()[-4000:]
        time.sleep(0.05)
    cluster.worker(number).lose()
    lost_at = work.progress(out)
    if returns:
        cluster.start_worker(number)
    waited_s, seen, changed = 0.0, lost_at, time.monotonic()
    while job.poll() is None:
        now = work.progress(out)
        if now > seen:
            waited_s, seen, changed = max(waited_s, time.monotonic() - changed), now, time.monotonic()
        assert time.monotonic() - started < _ENDS_WITHIN_S, log.read_text()[-4000:]
        time.sleep(0.05)
    waited_s = max(waited_s, time.monotonic() - changed)
    difference = f"exit {job.returncode}: {log.read_text()[-2000:]}" if job.returncode else work.difference(out)
    seconds = time.monotonic() - started
    if not returns:
        cluster.start_worker(number)
    if not difference:
        shutil.rmtree(out)
    return Round(difference, seconds, lost_at, waited_s)
