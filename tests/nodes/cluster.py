"""A Ray cluster on machines of their own: a head, and workers that come, are lost and come again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.nodes.machine import Machine, Network, network

PORT = 6379
_STORE = 100_000_000
_STARTS = 4
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
        return f"{self.network.prefix}.2:{PORT}"

    def start_head(self) -> Machine:
        """Start the head."""
        words = ("--head", f"--port={PORT}", "--include-dashboard=false")
        return self._start("head", 0, *words)

    def start_worker(self, number: int) -> Machine:
        """Start a worker, or start one again that was lost."""
        return self._start(f"worker{number}", number, f"--address={self.address}")

    def _start(self, name: str, number: int, *words: str) -> Machine:
        """Start a node; one of Ray's that waits too long for a part of itself dies, on a machine that is busy."""
        for attempt in range(_STARTS):
            machine = self.network.machine(name, number)
            own = (f"--node-ip-address={machine.address}", f"--num-cpus={self.cpus}", f"--object-store-memory={_STORE}")
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
        return [int(name.removeprefix("worker")) for name in self.network.machines if name != "head"]

    def worker(self, number: int) -> Machine:
        return self.network.machines[f"worker{number}"]


@contextmanager
def ray_cluster(place: Path, nodes: int, cpus: int = 1, **env: str) -> Iterator[RayCluster]:
    """Run a cluster.

    Args:
        place: for its machines' disks.
        nodes: the head among them.
        cpus: logical ones of each node.
        env: variables of all that runs on it.
    """
    with network(place, **env) as machines:
        cluster = RayCluster(machines, cpus)
        cluster.start_head()
        for number in range(1, nodes):
            cluster.start_worker(number)
        yield cluster
