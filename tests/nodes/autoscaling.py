"""A cluster that Ray's autoscaler makes larger and smaller: each of its nodes is a machine of its own."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from tests.nodes.cluster import RayCluster
from tests.nodes.machine import Network
from tests.nodes.provider import ENDED, HEAD, WORKER

_LOOK_S = 0.2


@dataclass
class Fleet:
    """Machines that the autoscaler orders.

    Attributes:
        cluster: of which they are nodes.
        folder: of the orders.
        sizes: seconds since the fleet began, and the workers from then on.
    """

    cluster: RayCluster
    folder: Path
    sizes: list[tuple[float, int]] = field(default_factory=list)
    _up: set[int] = field(default_factory=set)
    _threads: list[Thread] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)
    _began: float = field(default_factory=time.monotonic)

    def most(self) -> int:
        """Return the most workers that there were at once."""
        return max((size for _, size in self.sizes), default=0)

    def words(self, since: float) -> str:
        """Say how many workers there were when, by the seconds since a moment of time.monotonic."""
        moments = [(self._began + at - since, size) for at, size in self.sizes]
        first = [size for at, size in moments if at <= 0][-1:]
        later = [f"{size} at {at:.0f} s" for at, size in moments if at > 0]
        return ", ".join([*map(str, first), *later])

    def wait_for(self, size: int, within_s: float) -> None:
        """Wait until there are so many workers."""
        deadline = time.monotonic() + within_s
        while not self.sizes or self.sizes[-1][1] != size:
            assert time.monotonic() < deadline, f"not {size} workers: {self.sizes}"
            time.sleep(_LOOK_S)

    def obey(self) -> None:
        """Provide what is ordered, and take away what is no more, until told to stop."""
        ordered: list[str] = []
        while not self._stop.wait(_LOOK_S):
            for path in sorted(self.folder.glob("*.json")):
                if path.stem not in ordered:
                    ordered.append(path.stem)
                    thread = Thread(target=self._provide, args=(len(ordered), path.stem))
                    thread.start()
                    self._threads.append(thread)
            for path in sorted(self.folder.glob(f"*{ENDED}")):
                number = ordered.index(path.stem) + 1
                if number in self._up:
                    self._up.remove(number)
                    self._note()
                    self.cluster.network.machines.pop(f"worker{number}").lose()

    def stop(self) -> None:
        """Provide nothing any more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _provide(self, number: int, name: str) -> None:
        self.cluster.start_worker(number, RAY_CLOUD_INSTANCE_ID=name, RAY_NODE_TYPE_NAME=WORKER)
        self._up.add(number)
        self._note()

    def _note(self) -> None:
        self.sizes.append((time.monotonic() - self._began, len(self._up)))


@contextmanager
def autoscaled(machines: Network, most: int, idle_s: float) -> Iterator[Fleet]:
    """Run a cluster of one worker, which grows while something waits for room.

    Args:
        machines: the network.
        most: workers at once.
        idle_s: a worker that has nothing to do goes after so long.
    """
    folder = machines.place / "orders"
    folder.mkdir(parents=True)
    config = folder / "config"
    config.write_text(json.dumps(_config(folder, most, idle_s)))
    cluster = RayCluster(machines, 1)
    variables = {
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD,
        "RAY_NODE_TYPE_NAME": HEAD,
    }
    cluster.start_head(f"--autoscaling-config={config}", **variables)
    fleet = Fleet(cluster, folder)
    obeying = Thread(target=fleet.obey)
    obeying.start()
    try:
        fleet.wait_for(1, 600)
        yield fleet
    finally:
        fleet.stop()
        obeying.join()


def _config(folder: Path, most: int, idle_s: float) -> dict[str, object]:
    no_commands: dict[str, list[str]] = {
        f"{name}_commands": []
        for name in ("initialization", "setup", "head_setup", "worker_setup", "head_start_ray", "worker_start_ray")
    }
    worker = {"min_workers": 1, "max_workers": most, "resources": {"CPU": 1}, "node_config": {}}
    return {
        "cluster_name": "nodes",
        "max_workers": most,
        "idle_timeout_minutes": idle_s / 60,
        "upscaling_speed": 10,
        "provider": {
            "type": "external",
            "module": "tests.nodes.provider.MachineProvider",
            "folder": str(folder),
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "auth": {},
        "head_node_type": HEAD,
        "available_node_types": {
            HEAD: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            WORKER: worker,
        },
        "file_mounts": {},
        "cluster_synced_files": [],
        **no_commands,
    }
