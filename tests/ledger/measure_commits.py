"""How many chunks a second a ledger takes: `python -m tests.ledger.measure_commits [SECONDS]`. Chunks of 8 frames."""

import sys
import tempfile
import threading
import time

from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import T0, Connection, chunks, working_day


def measure(url: str, cameras: int, seconds: float) -> tuple[float, float, float]:
    """Commits a second over all cameras, and median and 99th percentile of one in ms; the fold is left out."""
    parts = chunks(working_day(24_000))
    durations: list[float] = []
    with Ledger.open(url) as ledger:
        ledger.add_site("plant-1")
        connections = [Connection(ledger, StreamName("plant-1", f"c{n}", T0 + n)) for n in range(cameras)]
        prepared = []
        for connection in connections:
            state, rows = connection.state, []
            for sequence, part in enumerate(parts[:400], 1):
                connection.state = state
                commit, state = connection.prepare(sequence, part)
                rows.append(commit)
            prepared.append(rows)
        started = time.perf_counter()

        def stream(rows) -> None:
            for commit in rows:
                before = time.perf_counter()
                if before - started > seconds:
                    return
                ledger.commit(commit)
                durations.append(time.perf_counter() - before)

        threads = [threading.Thread(target=stream, args=(rows,)) for rows in prepared]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - started
    durations.sort()
    return len(durations) / took, 1e3 * durations[len(durations) // 2], 1e3 * durations[len(durations) * 99 // 100]


def main() -> None:
    """Measure both databases with 1 and 6 cameras."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server:
        for cameras in (1, 6):
            for name, url in (
                ("sqlite", f"sqlite:///{folder}/{cameras}.db"),
                ("postgresql", server.database()),
            ):
                rate, median, slow = measure(url, cameras, seconds)
                print(
                    f"{name:<11}{cameras} cameras: {rate:7.0f} commits/s = {8 * rate:7.0f} frames/s, "
                    f"one commit {median:.1f} ms (p99 {slow:.1f} ms)"
                )


if __name__ == "__main__":
    main()
