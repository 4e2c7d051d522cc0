"""Weeks dropped from a PostgreSQL ledger, by rows and by partitions: `python -m benchmarks.partitions SITES DAYS`.

Two databases of one server hold the same rows: one of schema 0009, with one table of chunks, and one with a partition
for each week.
Commits, reads and reports take turns between them, commits one by one. Then the oldest weeks but five go, and two more
while streams commit, one after the other: before, beside and after each, commits are timed.
"""

import argparse
import random
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from statistics import median

from alembic import command
from typer.testing import CliRunner

from raypp.cli.app import build
from raypp.ledger.chunks import PackedChunk
from raypp.ledger.database import Database
from raypp.ledger.expiry import retain
from raypp.ledger.migration import migrate
from raypp.ledger.packing import as_stored
from raypp.ledger.partitions import WEEK_US, make_partitions, week_of
from raypp.ledger.retention import forget
from raypp.ledger.schema import migration_config
from raypp.ledger.store import Ledger
from raypp.ledger.tables import DAY_US
from raypp.usage.episode import StreamName
from raypp.usage.observation import SeenFrame
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import DRILL, T0, Connection, seen, working_day

NOW_US = week_of(T0) + 4 * DAY_US
_CHUNKS_A_USE, _CHUNKS_A_STRETCH = 20, 60
_FRAMES_READ = 16_000
_KEPT_WEEKS = 5
_QUIET_S = 15
"""For so long commits are timed before and after weeks go."""
_TURNS, _CAMERAS, _COMMITS = 3, 4, 400
_FILL = """
INSERT INTO sites (name, version, reap_after_us, added_us)
SELECT 'plant-' || lpad(s::text, 4, '0'), 0, 60000000, {now} FROM generate_series(1, {sites}) s;
INSERT INTO models (model_key, model_id, veil_id, classes) VALUES (repeat('m', 32), repeat('a', 64), repeat('b', 32),
'["drill", "saw"]');
INSERT INTO streams (site, camera, epoch, committed, lease, rewrites, model_key, reaped, last_frame, frames, detections,
forgotten_frames, newest_us, live, clock_offset_us, agent_version, opened_us, active_us)
SELECT name, 'bench', {begin}, {days} * {chunks}, 1, 0, repeat('m', 32), false, {days} * {chunks} * 8, {days} * {chunks}
* 8, {days} * {chunks} * {detections}, 0, {now} - 1000000, true, 0, '0.1', {begin}, {now} FROM sites ORDER BY name;
INSERT INTO chunks SELECT stream_id, n + 1, {begin} + n * {pace} + stream_id * 1000,
{begin} + n * {pace} + 3500000 + stream_id * 1000, 8, {detections}, '\\x{packed}'
FROM generate_series(0::bigint, {days} * {chunks} - 1) n, streams
ORDER BY n, stream_id;
INSERT INTO episodes SELECT md5(stream_id || ' ' || n), stream_id, site,
CASE n % 2 WHEN 0 THEN 'drill' ELSE 'saw' END, '',
{begin} + n * {use_pace}, {begin} + n * {use_pace} + 600000000, 500000000, 3, 1, {begin} + n * {use_pace}
FROM generate_series(0::bigint, {days} * {uses} - 1) n, streams;
INSERT INTO stretches SELECT stream_id, {begin} + n * {stretch_pace}, site, {begin} + (n + 1) * {stretch_pace},
n % 2 + 1
FROM generate_series(0::bigint, {days} * {stretches} - 1) n, streams;
"""


def _fill(server: PostgresServer, url: str, sites: int, days: int, chunks_a_day: int) -> float:
    """Write the rows of sites and days; return the seconds that took."""
    uses, stretches = max(1, chunks_a_day // _CHUNKS_A_USE), max(1, chunks_a_day // _CHUNKS_A_STRETCH)
    packed = PackedChunk.of([_crowded(frame) for frame in working_day(8)])
    begun = time.perf_counter()
    statement = _FILL.format(
        now=NOW_US,
        begin=NOW_US - days * DAY_US,
        sites=sites,
        days=days,
        chunks=chunks_a_day,
        pace=DAY_US // chunks_a_day,
        uses=uses,
        use_pace=DAY_US // uses,
        stretches=stretches,
        stretch_pace=DAY_US // stretches,
        packed=packed.packed.hex() if packed else "",
        detections=packed.detections if packed else 0,
    )
    for each in statement.strip().split(";\n"):
        server.sql(server.name_of(url), each)
    server.sql(server.name_of(url), "VACUUM ANALYZE")
    return time.perf_counter() - begun


def _bytes_a_row(server: PostgresServer, url: str) -> str:
    """Say what a row of each table takes, with its indexes."""
    shares = []
    for table in ("chunks", "episodes", "stretches"):
        size = f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname ~ '^{table}'"  # noqa: S608
        each = server.sql(server.name_of(url), f"SELECT round(({size}) / count(*)) FROM {table}")  # noqa: S608
        shares.append(f"{table} {each} bytes a row")
    return ", ".join(shares)


def _crowded(frame: SeenFrame) -> SeenFrame:
    """Give a frame with five detections of random boxes, which pack as badly as any."""
    chance = random.Random(frame.frame_index)
    boxes = [
        replace(DRILL, x1=chance.random() / 2, y1=chance.random() / 2, x2=chance.random(), y2=chance.random())
        for _ in range(5)
    ]
    return as_stored(replace(frame, detections=tuple(boxes)))


class _Writers:
    """Streams of a ledger that fold and commit as fast as they can."""

    def __init__(self, ledger: Ledger, turn: int) -> None:
        self.durations: list[float] = []
        self._ledger = ledger
        self._names = [StreamName("plant-0001", f"c{turn}-{number}", NOW_US + number) for number in range(_CAMERAS)]

    def run(self, stop: threading.Event) -> None:
        """Commit until told to stop."""
        with ThreadPoolExecutor(_CAMERAS) as pool:
            list(pool.map(lambda name: self._stream(name, stop), self._names))

    def _stream(self, name: StreamName, stop: threading.Event) -> None:
        connection = Connection(self._ledger, name)
        for sequence in count(1):
            if stop.is_set():
                return
            before = time.perf_counter()
            connection.send(sequence, _part(sequence))
            self.durations.append(time.perf_counter() - before)


def _part(sequence: int) -> list[SeenFrame]:
    """Eight frames that follow those of the chunk before."""
    numbers = range(8 * (sequence - 1), 8 * sequence)
    return [seen(number, *([DRILL] if number % 80 < 40 else []), at_us=NOW_US + number * 500_000) for number in numbers]


def _clock() -> int:
    return NOW_US


def _open(url: str) -> Ledger:
    return Ledger.open(url, create=False, clock=_clock)


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _report(url: str, folder: Path, days: int) -> None:
    first, last = (time.strftime("%Y-%m-%d", time.gmtime(at / 1e6)) for at in (NOW_US - days * DAY_US, NOW_US - DAY_US))
    words = ["report", "plant-0002", "--ledger", url, "--from", first, "--to", last, "--json", str(folder / "r.json")]
    result = CliRunner().invoke(build(), words)
    assert result.exit_code == 0, result.output


def _side_by_side(sides: dict[str, str], folder: Path) -> None:
    """Print commits a second, and times of reads and reports, least and most of some turns."""
    works: dict[str, Callable[[str, int], float]] = {
        "16,000 frames read, ms": lambda url, _: 1e3 * _read(url),
        "report of a day, ms": lambda url, _: 1e3 * _timed(lambda: _report(url, folder, 1)),
        "report of 28 days, ms": lambda url, _: 1e3 * _timed(lambda: _report(url, folder, 28)),
    }
    for what, work in works.items():
        results: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(_TURNS):
            for name, url in list(sides.items())[:: -1 if turn % 2 else 1]:
                results[name].append(work(url, turn))
        shown = "  ".join(
            f"{name} {median(row):,.0f} ({min(row):,.0f} to {max(row):,.0f})" for name, row in results.items()
        )
        print(f"{what:<30}{shown}", flush=True)


def _commits_in_turns(sides: dict[str, str]) -> None:
    """Commit the same chunks to each ledger, one by one in turns; print the median of what one takes."""
    with ExitStack() as stack:
        ledgers = {name: stack.enter_context(_open(url)) for name, url in sides.items()}
        gate = StreamName("plant-0001", "gate", NOW_US)
        streams = {name: Connection(ledger, gate) for name, ledger in ledgers.items()}
        took: dict[str, list[float]] = {name: [] for name in sides}
        cpu: dict[str, list[float]] = {name: [] for name in sides}
        for sequence in range(1, _COMMITS + 1):
            for name in sorted(sides, key=lambda name: hash((sequence, name))):
                commit, state = streams[name].prepare(sequence, _part(sequence))
                before, spent = time.perf_counter(), time.process_time()
                ledgers[name].commit(commit)
                took[name].append(time.perf_counter() - before)
                cpu[name].append(time.process_time() - spent)
                streams[name].state = state
    for name in sides:
        print(
            f"a commit, {name}: median {1e3 * median(took[name]):.2f} ms, least {1e3 * min(took[name]):.2f} ms, "
            f"{1e3 * median(cpu[name]):.2f} ms of CPU of the client",
            flush=True,
        )


def _read(url: str) -> float:
    with _open(url) as ledger:
        stream = next(each.stream for each in ledger.streams("plant-0002"))
        return _timed(lambda: sum(1 for _ in islice(ledger.frames(stream), _FRAMES_READ)))


def _go(server: PostgresServer, name: str, url: str, work: Callable[[Ledger], object]) -> None:
    """Let weeks go; print seconds, log, sizes, and what VACUUM takes afterwards."""
    database = server.name_of(url)

    def log() -> int:
        return int(server.sql(database, "SELECT pg_current_wal_lsn() - '0/0'").split(".")[0])

    def size() -> int:
        return int(
            server.sql(
                database,
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname ~ '^chunks' "
                "AND relkind IN ('r', 'p')",
            )
        )

    before, began = size(), log()
    with _open(url) as ledger:
        took = _timed(lambda: work(ledger))
    logged, after = log() - began, size()
    dead = server.sql(database, "SELECT sum(n_dead_tup) FROM pg_stat_user_tables WHERE relname ~ '^chunks'")
    began = log()
    vacuum = _timed(lambda: server.sql(database, "VACUUM"))
    print(
        f"{name}: {took:.1f} s, {logged / 1e6:,.1f} MB of log; chunks {before / 1e6:,.0f} MB before, "
        f"{after / 1e6:,.0f} MB after, {dead} dead rows; VACUUM {vacuum:.1f} s, "
        f"{(log() - began) / 1e6:,.1f} MB of log, then {size() / 1e6:,.0f} MB",
        flush=True,
    )


def _go_beside_commits(name: str, turn: int, url: str, work: Callable[[Ledger], object]) -> None:
    """Let weeks go while streams commit; print commits before, beside and after."""
    stop = threading.Event()
    with _open(url) as ledger, _open(url) as other, ThreadPoolExecutor(1) as pool:
        writers = _Writers(ledger, turn)
        writing = pool.submit(writers.run, stop)
        try:
            while len(writers.durations) < 200 and not writing.done():
                time.sleep(0.05)
            phases: dict[str, Callable[[], object]] = {
                "before": lambda: time.sleep(_QUIET_S),
                "beside": lambda: work(other),
                "after": lambda: time.sleep(_QUIET_S),
            }
            for phase, during in phases.items():
                begun = len(writers.durations)
                took = _timed(during)
                print(f"{name}, {phase}: {_commits(writers.durations[begun:], took)}", flush=True)
        finally:
            stop.set()
            writing.result()


def _commits(durations: list[float], seconds: float) -> str:
    """Say what commits took, which were made within some seconds."""
    ordered = sorted(durations)
    middle, late = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return (
        f"{seconds:.1f} s, {len(ordered) / seconds:,.0f} commits a second, median {1e3 * middle:.1f} ms, "
        f"p99 {1e3 * late:.1f} ms, at most {1e3 * ordered[-1]:.0f} ms"
    )


def _by_rows(weeks: float) -> Callable[[Ledger], object]:
    edge_us = week_of(NOW_US) - round(weeks * WEEK_US)
    return lambda ledger: [forget(ledger, site.name, to_us=edge_us) for site in ledger.sites()]


def _by_partitions(weeks: float) -> Callable[[Ledger], object]:
    return lambda ledger: retain(ledger, round(weeks * WEEK_US))


def main() -> None:
    """Make the ledgers, and print what is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.partitions", description=__doc__)
    parser.add_argument("sites", type=int, nargs="?", default=100)
    parser.add_argument("days", type=int, nargs="?", default=60, help="at least 56")
    parser.add_argument("--chunks-a-day", type=int, default=240, help="of each site")
    parser.add_argument("--only-retention", action="store_true", help="no commits in turns, reads, reports, migration")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(PostgresServer(shared_buffers="512MB", max_wal_size="8GB", autovacuum="off"))
        rows, parts = server.database(), server.database()
        with closing(Database.open(rows, create=True)) as database, database.write(patient=True) as connection:
            command.upgrade(migration_config(connection), "0009")
        with Ledger.open(parts, clock=_clock) as ledger:
            make_partitions(ledger.database, NOW_US, range(week_of(NOW_US - options.days * DAY_US), NOW_US, WEEK_US))
        for name, url in (("rows", rows), ("partitions", parts)):
            took = _fill(server, url, options.sites, options.days, options.chunks_a_day)
            print(f"{name}: filled in {took:.0f} s, {_bytes_a_row(server, url)}", flush=True)
        if not options.only_retention:
            _compare(server, {"rows": rows, "partitions": parts}, folder)
        sides = (("by rows", rows, _by_rows), ("by partitions", parts, _by_partitions))
        for name, url, work in sides:
            _go(server, name, url, work(_KEPT_WEEKS))
        for weeks in (_KEPT_WEEKS - 1, _KEPT_WEEKS - 2):
            for name, url, work in sides:
                _go_beside_commits(f"{name}, to {weeks} weeks", weeks, url, work(weeks))


def _compare(server: PostgresServer, sides: dict[str, str], folder: Path) -> None:
    """Print what commits, reads, reports and a migration take."""
    many = server.database(server.name_of(sides["partitions"]))
    with _open(many) as ledger:
        ledger_weeks = range(week_of(NOW_US) - 520 * WEEK_US, NOW_US, WEEK_US)
        took = _timed(lambda: make_partitions(ledger.database, NOW_US, ledger_weeks))
        print(f"520 partitions: made in {took:.1f} s", flush=True)
    all_sides = {**sides, "520 partitions": many}
    _commits_in_turns(all_sides)
    _side_by_side(all_sides, folder)
    server.drop(many)
    older = server.database(server.name_of(sides["rows"]))
    size = int(server.sql(server.name_of(older), "SELECT pg_relation_size('chunks')"))
    print(f"migration of {size / 1e6:,.0f} MB of chunks: {_timed(lambda: migrate(older)):.1f} s", flush=True)
    server.drop(older)


if __name__ == "__main__":
    main()
