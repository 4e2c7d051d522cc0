"""A Ray cluster on machines of their own: a head, and workers that come, are lost and come again."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.nodes.machine import Machine, Network, network

PORT = 6379
_STORE = 100_000_000
_STARTS = 4
_OF_EACH_NODE = {"ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent"}
_START = (sys.executable, "-m", "tests.nodes.ray_start")


@dataclass
class RayCluster:
    """A cluster that runs; commands run on its head, as submitted jobs do."""

    network: Network
    cpus: int

    @property
    def head(self) -> Machine:
        return self.network.machines["head"]

    @property
    def address(self) -> str:
        return f"{self.network.address(0)}:{PORT}"

    def start_head(self, *options: str, **env: str) -> Machine:
        """Start the head, or start it again; options of `ray start`, and variables of its own."""
        words = ("--head", f"--port={PORT}", "--include-dashboard=false", "--num-cpus=0", *options)
        return self._start("head", 0, words, env)

    def start_worker(self, number: int, **env: str) -> Machine:
        """Start a worker, or start one again that was lost; `env`: variables of its own."""
        words = (f"--address={self.address}", f"--num-cpus={self.cpus}")
        return self._start(f"worker{number}", number, words, env)

    def _start(self, name: str, number: int, words: Sequence[str], env: Mapping[str, str]) -> Machine:
        """Start a node; one of Ray's that waits too long for a part of itself dies, on a machine that is busy."""
        for attempt in range(_STARTS):
            machine = self.network.machine(name, number, **env)
            own = (f"--node-ip-address={machine.address}", f"--object-store-memory={_STORE}")
            try:
                machine.run(*_START, *words, *own)
            except AssertionError:
                machine.lose()
                if attempt == _STARTS - 1:
                    raise
            else:
                break
        return machine

    def workers(self) -> list[int]:
        """Numbers of the nodes beside the head."""
        return [int(name.removeprefix("worker")) for name in list(self.network.machines) if name != "head"]

    def worker(self, number: int) -> Machine:
        return self.network.machines[f"worker{number}"]

    def busy_workers(self, actor: str = "") -> list[int]:
        """Numbers of the workers where an actor or a task is, of a name that begins so."""
        return [
            number
            for number in self.workers()
            if any(title.startswith(f"ray::{actor}") for title in self._work_of(number))
        ]

    def work(self) -> list[str]:
        """List the titles of all actors and tasks on the workers."""
        return [title for number in self.workers() for title in self._work_of(number)]

    def _work_of(self, number: int) -> list[str]:
        return [title for title in self.worker(number).titles() if is_work(title)]


def is_work(title: str) -> bool:
    """Whether a process of this title is an actor or a task, and neither idle nor one of Ray's agents."""
    name = title.split(maxsplit=1)[0] if title.strip() else ""
    return name.startswith("ray::") and name not in _OF_EACH_NODE


@contextmanager
def ray_cluster(place: Path, workers: int, cpus: int = 1, **env: str) -> Iterator[RayCluster]:
    """Run a cluster whose head has no logical CPUs, as those on Kubernetes.

    Args:
        place: for its machines' disks.
        workers: nodes beside the head.
        cpus: logical ones of each of them.
        env: variables of all that runs on it.
    """
    with network(place, **env) as machines:
        yield start_cluster(machines, workers, cpus)


def start_cluster(machines: Network, workers: int, cpus: int = 1) -> RayCluster:
    """Start a cluster in a network; arguments as for `ray_cluster`."""
    cluster = RayCluster(machines, cpus)
    cluster.start_head()
    for number in range(1, workers + 1):
        cluster.start_worker(number)
    return cluster
