"""Commits a second of four PostgreSQL ledgers beside one, on one disk: `python -m benchmarks.several_ledgers [SHARE]`.

Each server has a share of a core, as if it had a machine of its own, by a quota of Linux's cgroups (version 1; root).
Clients are threads as a gateway has them: eight for each ledger. The fold is left out, and fsync is on.
"""

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
from raypp.ledger.types import Commit
from raypp.usage.episode import StreamName
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import T0, Connection, chunks, working_day

_CGROUPS = Path("/sys/fs/cgroup/cpu")
_PERIOD_US = 50_000
_THREADS, _SECONDS, _TURNS, _LEDGERS = 8, 8.0, 3, 4
_MOST = 400
"""Commits of a stream that are made ready."""


@dataclass(frozen=True)
class Run:
    """One measurement.

    Attributes:
        rate: commits a second.
        slow_ms: what 99 of 100 commits took at most.
        server_s: CPU seconds of all servers for each second.
        client_s: likewise of the client.
    """

    rate: float
    slow_ms: float
    server_s: float
    client_s: float


@contextmanager
def limited(share: float, number: int) -> Iterator[PostgresServer]:
    """Run a server that has a share of one core."""
    group = _CGROUPS / f"raypp-benchmark-{number}"
    group.mkdir(exist_ok=True)
    (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(round(share * _PERIOD_US)))
    try:
        with PostgresServer() as server:
            for process in server.processes():
                (group / "cgroup.procs").write_text(str(process.pid))
            yield server
    finally:
        time.sleep(0.5)
        group.rmdir()


def _cpu_s(server: PostgresServer) -> float:
    """CPU seconds of the server's processes; what has ended counts with the main one."""
    main, *children = server.processes()
    times = main.cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    return float(own + sum(sum(child.cpu_times()[:2]) for child in children))


def measure(servers: list[PostgresServer]) -> Run:
    """Commit to ledgers of these servers, each with sites of its own, for some seconds."""
    with ExitStack() as stack:
        urls = {f"ledger-{number}": server.database() for number, server in enumerate(servers)}
        ledgers = stack.enter_context(Ledgers.open(LedgerList(urls)))
        lanes = [
            _ready(ledgers, name, f"plant-{number}-{thread}")
            for number, name in enumerate(urls)
            for thread in range(_THREADS)
        ]
        durations: list[float] = []
        server_s, client_s = sum(map(_cpu_s, servers)), time.process_time()
        began = time.perf_counter()

        def stream(site: str, commits: list[Commit]) -> None:
            ledger = ledgers.of(site)
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
    for server, url in zip(servers, urls.values(), strict=True):
        server.drop(url)
    durations.sort()
    slow_ms = 1e3 * durations[len(durations) * 99 // 100]
    return Run(len(durations) / took, slow_ms, server_s / took, client_s / took)


def _ready(ledgers: Ledgers, name: str, site: str) -> tuple[str, list[Commit]]:
    """Register a site, and make the commits of a stream of it ready."""
    ledger = ledgers.place(site, name)
    ledger.add_site(site)
    connection = Connection(ledger, StreamName(site, "gate", T0))
    commits = []
    for sequence, part in enumerate(chunks(working_day(8 * _MOST)), 1):
        commit, connection.state = connection.prepare(sequence, part)
        commits.append(commit)
    return site, commits


def main() -> None:
    """Measure one and four in turns, and print a line for each run and the ratio of the medians."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    rates: dict[int, list[float]] = {1: [], _LEDGERS: []}
    with ExitStack() as stack:
        servers = [stack.enter_context(limited(share, number)) for number in range(_LEDGERS)]
        for _ in range(_TURNS):
            for count, of_count in rates.items():
                run = measure(servers[:count])
                of_count.append(run.rate)
                print(
                    f"{count} ledgers of {share:g} cores: {run.rate:6.0f} commits/s, 99% within {run.slow_ms:5.0f} ms, "
                    f"servers {run.server_s:.2f} cores, client {run.client_s:.2f} cores",
                    flush=True,
                )
    print(f"four / one: {median(rates[_LEDGERS]) / median(rates[1]):.2f}")


if __name__ == "__main__":
    main()
