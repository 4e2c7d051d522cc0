"""Commits a second of four PostgreSQL ledgers beside one: `python -m benchmarks.several_ledgers [SHARE]`.

What is simulated: that each server has a machine of its own. A quota of Linux's cgroups (version 1; root) gives each a
small share of a core, and weights keep those shares from the machine's other work. All else is real: PostgreSQL, its
fsync on one disk, and clients with eight threads for each ledger, as a gateway has them. The fold is left out.

A run counts if the quota stopped each server in most of its periods: then its share is what limits it, and not the
clients, the disk or other work.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.ledger.types import Commit
from raypp.usage.episode import StreamName
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import T0, Connection, chunks, working_day

_CGROUPS = Path("/sys/fs/cgroup/cpu")
_PERIOD_US = 50_000
_WEIGHT = 8192
"""In 1024ths of what any other process of the machine weighs that has no group."""
_THREADS, _SECONDS, _TURNS, _LEDGERS = 8, 8.0, 3, 4
_MOST = 4000
"""Commits of a stream that are made ready, for a share of a whole core."""
_MOSTLY = 0.75
"""The part of the periods in which the quota stops each server of a run that counts."""


@dataclass(frozen=True)
class Run:
    """One measurement.

    Attributes:
        rate: commits a second.
        slow_ms: what 99 of 100 commits took at most.
        server_s: CPU seconds of all servers for each second.
        client_s: likewise of the client.
        stopped: the part of the periods in which the quota stopped the server that it stopped least.
    """

    rate: float
    slow_ms: float
    server_s: float
    client_s: float
    stopped: float

    @property
    def counts(self) -> bool:
        """Whether the servers' shares are what limited it."""
        return self.stopped >= _MOSTLY


@dataclass(frozen=True)
class LimitedServer:
    """A server in a group of its own.

    Attributes:
        server: the server.
        group: its group's folder.
        share: of one core, while it is limited.
    """

    server: PostgresServer
    group: Path
    share: float

    def periods(self) -> tuple[int, int]:
        """Return how many periods there were, and in how many the quota stopped it."""
        stat = dict(line.split() for line in (self.group / "cpu.stat").read_text().splitlines())
        return int(stat["nr_periods"]), int(stat["nr_throttled"])

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Give it no more than its share meanwhile."""
        (self.group / "cpu.cfs_quota_us").write_text(str(round(self.share * _PERIOD_US)))
        try:
            yield
        finally:
            (self.group / "cpu.cfs_quota_us").write_text("-1")


@contextmanager
def weighted(name: str) -> Iterator[Path]:
    """Make a group whose processes get what they may have, whatever else runs."""
    group = _CGROUPS / f"raypp-benchmark-{name}"
    group.mkdir(exist_ok=True)
    (group / "cpu.shares").write_text(str(_WEIGHT))
    (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
    try:
        yield group
    finally:
        for process in (group / "cgroup.procs").read_text().split():
            (_CGROUPS / "cgroup.procs").write_text(process)
        group.rmdir()


@contextmanager
def running(share: float, number: int) -> Iterator[LimitedServer]:
    """Run a server that can be limited to a share of one core."""
    with weighted(str(number)) as group:
        with PostgresServer() as server:
            for process in server.processes():
                (group / "cgroup.procs").write_text(str(process.pid))
            yield LimitedServer(server, group, share)
        time.sleep(0.5)


def _cpu_s(server: PostgresServer) -> float:
    """CPU seconds of the server's processes; what has ended counts with the main one."""
    main, *children = server.processes()
    times = main.cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    return float(own + sum(sum(child.cpu_times()[:2]) for child in children))


def measure(limited: list[LimitedServer]) -> Run:
    """Commit to ledgers of these servers, each with sites of its own, for some seconds."""
    servers = [each.server for each in limited]
    most = round(_MOST * limited[0].share)
    with ExitStack() as stack:
        urls = {f"ledger-{number}": server.database() for number, server in enumerate(servers)}
        ledgers = stack.enter_context(Ledgers.open(LedgerList(urls)))
        lanes = [
            _ready(ledgers, name, f"plant-{number}-{thread}", most)
            for number, name in enumerate(urls)
            for thread in range(_THREADS)
        ]
        for each in limited:
            stack.enter_context(each.limited())
        durations: list[float] = []
        server_s, client_s = sum(map(_cpu_s, servers)), time.process_time()
        periods = [each.periods() for each in limited]
        began = time.perf_counter()

        def stream(ledger: Ledger, commits: list[Commit]) -> None:
            for commit in commits:
                before = time.perf_counter()
                if before - began > _SECONDS:
                    return
                ledger.commit(commit)
                durations.append(time.perf_counter() - before)
            raise RuntimeError("too few commits were made ready; raise _MOST")

        threads = [threading.Thread(target=stream, args=lane) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        server_s, client_s = sum(map(_cpu_s, servers)) - server_s, time.process_time() - client_s
        stopped = min(
            (each.periods()[1] - before[1]) / max(1, each.periods()[0] - before[0])
            for each, before in zip(limited, periods, strict=True)
        )
    for server, url in zip(servers, urls.values(), strict=True):
        server.drop(url)
    durations.sort()
    slow_ms = 1e3 * durations[len(durations) * 99 // 100]
    return Run(len(durations) / took, slow_ms, server_s / took, client_s / took, stopped)


def _ready(ledgers: Ledgers, name: str, site: str, most: int) -> tuple[Ledger, list[Commit]]:
    """Register a site, and make the commits of a stream of it ready."""
    ledger = ledgers.place(site, name)
    ledger.add_site(site)
    connection = Connection(ledger, StreamName(site, "gate", T0))
    commits = []
    for sequence, part in enumerate(chunks(working_day(8 * most)), 1):
        commit, connection.state = connection.prepare(sequence, part)
        commits.append(commit)
    return ledger, commits


def main() -> None:
    """Measure one and four in turns; print a line for each run, and the ratio of the medians of those that count."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    rates: dict[int, list[float]] = {1: [], _LEDGERS: []}
    print(f"simulated: each server has {share:g} cores of its own, by a quota; disk, fsync and clients are real")
    with ExitStack() as stack:
        servers = [stack.enter_context(running(share, number)) for number in range(_LEDGERS)]
        clients = stack.enter_context(weighted("clients"))
        (clients / "cgroup.procs").write_text(str(os.getpid()))
        for _ in range(_TURNS):
            for count, of_count in rates.items():
                run = measure(servers[:count])
                if run.counts:
                    of_count.append(run.rate)
                print(
                    f"{count} ledgers: {run.rate:6.1f} commits/s, 99% within {run.slow_ms:5.0f} ms, "
                    f"servers {run.server_s:.3f} cores, each stopped in {run.stopped:.0%} of periods, "
                    f"client {run.client_s:.2f} cores: {'counts' if run.counts else 'DOES NOT COUNT'}",
                    flush=True,
                )
    if not all(rates.values()):
        sys.exit("INVALID: servers did not get their shares; run it on a machine that is less busy")
    ratio = median(rates[_LEDGERS]) / median(rates[1])
    print(f"four / one: {ratio:.2f}, of {len(rates[_LEDGERS])} and {len(rates[1])} runs that count")


if __name__ == "__main__":
    main()
