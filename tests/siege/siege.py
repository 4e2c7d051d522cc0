"""A siege: honest sites stream, in peace, then while one hostile site and three clients without a token attack."""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import numpy as np
import numpy.typing as npt

from tests.command import environment
from tests.serving.running import Connection, MovedError, Service
from tests.siege.attack import Orders

_WITHOUT_TOKEN = 3
_SAMPLE_S = 0.5
_LATE_S = 30.0
_AHEAD_S = 3.0
"""So long before the others the hostile site begins: the service knows its token when a flood of unknown ones comes."""


@dataclass
class Phase:
    """Measurements of one phase.

    Attributes:
        commits_s: seconds from sending a chunk to its `committed`.
        pages_s: seconds of each page.
        pages_failed: pages that were no 200.
        memory: most bytes that each process had, by name.
    """

    commits_s: list[float] = field(default_factory=list)
    pages_s: list[float] = field(default_factory=list)
    pages_failed: int = 0
    memory: dict[str, int] = field(default_factory=dict)

    def commits(self) -> tuple[float, float, float]:
        """Median, 95th percentile and maximum of commits, in seconds."""
        p50, p95 = np.percentile(self.commits_s, (50, 95))
        return float(p50), float(p95), max(self.commits_s)


@dataclass
class Outcome:
    """Outcome of a siege.

    Attributes:
        quiet, besieged: the two phases.
        sent: chunks that were committed to each honest site's camera, as it was told.
        fared: what the attackers' calls came to, by kind and status.
        reopened: how often honest sites had to connect anew.
    """

    quiet: Phase
    besieged: Phase
    sent: dict[str, int]
    fared: Counter[str]
    reopened: int


@dataclass
class Honest:
    """An honest site's camera, which sends a chunk every `pace_s` and waits for its commit."""

    connect: Callable[[], Connection]
    codes: npt.NDArray[np.uint8]
    chunk: int
    pace_s: float
    committed: int = 0
    opened: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, present: Callable[[], Phase]) -> None:
        """Stream until it is over, connecting anew whenever the connection ends."""
        while not self.over.is_set():
            try:
                with self.connect() as stream:
                    self.committed = stream.open().resume_after
                    self.opened += 1
                    self._stream(stream, present)
            except (grpc.RpcError, MovedError):  # a camera goes on; any other fault is the test's own, and fails it
                self.over.wait(0.5)

    def _stream(self, stream: Connection, present: Callable[[], Phase]) -> None:
        due = time.monotonic()
        while not self.over.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.pace_s, time.monotonic() - self.pace_s)
            first, phase, began = self.committed * self.chunk, present(), time.monotonic()
            stream.chunk(self.committed + 1, self.codes[np.arange(first, first + self.chunk) % len(self.codes)], first)
            stream.committed()
            phase.commits_s.append(time.monotonic() - began)
            self.committed += 1


@dataclass
class Siege:
    """Lays siege to a service.

    Args:
        service: the service.
        honest: cameras of honest sites, by site.
        orders: of the hostile site; the three without a token have the same but for the token.
        page: fetches a page and says whether it was there.
    """

    service: Service
    honest: dict[str, Honest]
    orders: Orders
    page: Callable[[], bool]

    def run(self, quiet_s: float) -> Outcome:
        """Measure in peace, then under siege."""
        phases = [Phase(), Phase()]
        now = iter(phases)
        current = next(now)

        def present() -> Phase:
            return current

        over = threading.Event()
        with ThreadPoolExecutor(len(self.honest) + 2) as pool:
            running = [pool.submit(camera.run, present) for camera in self.honest.values()]
            running += [pool.submit(self._pages, over, present), pool.submit(self._memory, over, present)]
            try:
                time.sleep(quiet_s)
                current = next(now)
                fared = self._attack()
            finally:
                over.set()
                for camera in self.honest.values():
                    camera.over.set()
            for attacker in running:
                attacker.result()
        sent = {site: camera.committed for site, camera in self.honest.items()}
        reopened = sum(camera.opened - 1 for camera in self.honest.values())
        return Outcome(*phases, sent, fared, reopened)

    def _attack(self) -> Counter[str]:
        without = replace(self.orders, token=None)
        attackers = [_started(self.orders.command())]
        time.sleep(_AHEAD_S)
        attackers += [_started(without.command()) for _ in range(_WITHOUT_TOKEN)]
        fared: Counter[str] = Counter()
        for number, attacker in enumerate(attackers):
            try:
                output, _ = attacker.communicate(timeout=self.orders.seconds + _LATE_S + 60)
            finally:
                attacker.kill()
            who = "without" if number else "hostile"
            fared.update({f"{who}: {what}": count for what, count in json.loads(output or "{}").items()})
        return fared

    def _pages(self, over: threading.Event, present: Callable[[], Phase]) -> None:
        while not over.wait(1.0):
            phase, began = present(), time.monotonic()
            phase.pages_failed += not self.page()
            phase.pages_s.append(time.monotonic() - began)

    def _memory(self, over: threading.Event, present: Callable[[], Phase]) -> None:
        processes = {
            "proxy": self.service.processes("ProxyActor")[0],
            "gateway": self.service.replicas("Gateway")[0],
        }
        while not over.wait(_SAMPLE_S):
            for name, process in processes.items():
                memory = present().memory
                memory[name] = max(memory.get(name, 0), process.memory_info().rss)


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a client that runs when the service does not want the CPU: a real one would have a machine of its own.

    Sessions share a CPU evenly whatever their processes' niceness.
    """
    client = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    os.sched_setscheduler(client.pid, os.SCHED_IDLE, os.sched_param(0))
    session = Path(f"/proc/{client.pid}/autogroup")
    if session.exists():
        session.write_text("19")
    return client
