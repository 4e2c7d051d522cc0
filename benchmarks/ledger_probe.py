"""What a ledger costs, measured in the tree whose code runs this.

`PYTHONPATH=TREE python ledger_probe.py WHAT LEDGER [STREAMS]`. LEDGER is a file of SQLite, or the URL of an empty
database of PostgreSQL, of which only commits and streams are measured.

Only what commits 71664e3 and later have in common is called. Prints JSON; times are CPU milliseconds, the least of
several runs.
"""

import json
import random
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from raypp.ledger.identity import Identities
from raypp.ledger.packing import as_stored, pack_detections
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.web.request import PageRequest
from raypp.web.routes import respond

SITE = "plant-1"
DAY_US = 86_400_000_000
FROM_TO = "from=2026-10-28&to=2026-11-26"
START_US = 1_700_000_000_000_000
COMMITS, FRAMES = 300, 8
STREAMS, STREAM_COMMITS = int(sys.argv[3]) if len(sys.argv) > 3 else 16, 60


def least(work: Callable[[], object], times: int = 7) -> float:
    """CPU milliseconds of some work, at its fastest."""
    spent = []
    for _ in range(times):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return 1e3 * min(spent)


def reads(place: str) -> dict[str, float]:
    """Read the newest day and one in the middle, and the open episodes."""
    with Ledger.open(_url(place)) as ledger:
        first, last = ledger.extent(SITE) or (0, 0)
        middle = last - (last - first) // DAY_US // 2 * DAY_US
        return {
            "newest day": least(lambda: ledger.episodes(SITE, last - DAY_US, last, limit=None)),
            "middle day": least(lambda: ledger.episodes(SITE, middle - DAY_US, middle, limit=None)),
            "open episodes": least(lambda: ledger.open_episodes(SITE)),
        }


def page(place: str) -> dict[str, float]:
    """Make a page of 31 days, and ask again for what has not changed."""
    try:
        from raypp.web.freshness import MadePages
    except ImportError:

        def kept() -> tuple[Any, ...]:
            return ()
    else:

        def kept() -> tuple[Any, ...]:
            return (MadePages(),)

    with Ledger.open(_url(place)) as ledger:
        identities, now_us = Identities(ledger), time.time_ns() // 1000
        headers = {"authorization": f"Bearer {identities.add_operator('boss')}"}
        address = ("GET", f"/sites/{SITE}", FROM_TO)

        def ask(tag: str) -> str:
            known = headers | ({"if-none-match": tag} if tag else {})
            answer = respond(PageRequest(*address, known), ledger, identities, now_us, None, *kept())
            return answer.headers.get("ETag", "")

        tag = ask("")
        return {"made": least(lambda: ask(""), 3), "asked again": least(lambda: ask(tag), 3)}


def commits(place: str) -> dict[str, float]:
    """Commit chunks of eight frames of five detections and 17 tools through the writer, and their rows alone."""
    tools = tuple(f"tool-{number:02}" for number in range(17))
    frames = _frames(COMMITS * FRAMES)
    with Ledger.open(_url(place)) as ledger:
        ledger.add_site(SITE)
        stream = StreamName(SITE, "bench", START_US)
        writer = StreamWriter.open(ledger, stream, StreamAbout(tools, "a" * 64, "b" * 32))
        chunks = [frames[start : start + FRAMES] for start in range(0, len(frames), FRAMES)]
        spent = []
        for sequence, chunk in enumerate(chunks, 1):
            before = time.process_time()
            writer.commit(sequence, chunk, last=False)
            spent.append(time.process_time() - before)
        position = ledger.position(stream)
    bare = _bare(place, (position and position.state_json) or "")
    return {"writer": 1e3 * sorted(spent)[COMMITS // 2], "database": 1e3 * bare.stream(1, chunks)}


def sizes(place: str) -> dict[str, float]:
    """Commit such chunks and empty the log behind each: bytes of log a commit, of the ledger a frame."""
    tools = tuple(f"tool-{number:02}" for number in range(17))
    frames = _frames(COMMITS * FRAMES)
    logged, path = [], Path(place)
    with (
        Ledger.open(_url(place)) as ledger,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        ledger.add_site(SITE)
        writer = StreamWriter.open(ledger, StreamName(SITE, "bench", START_US), StreamAbout(tools, "a" * 64, "b" * 32))
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        empty = path.stat().st_size
        for sequence, start in enumerate(range(0, len(frames), FRAMES), 1):
            writer.commit(sequence, frames[start : start + FRAMES], last=False)
            logged.append(Path(f"{path}-wal").stat().st_size)
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return {"log": sum(logged) / len(logged), "frame": (path.stat().st_size - empty) / len(frames)}


def streams(place: str) -> dict[str, float]:
    """Commit such chunks of many streams at a time, and their rows alone: commits a second, and CPU ms of each."""
    tools = tuple(f"tool-{number:02}" for number in range(17))
    frames = _frames(STREAM_COMMITS * FRAMES)
    chunks = [frames[start : start + FRAMES] for start in range(0, len(frames), FRAMES)]
    with Ledger.open(_url(place)) as ledger:
        ledger.add_site(SITE)
        names = [StreamName(SITE, f"bench-{number:02}", START_US) for number in range(STREAMS)]
        writers = [StreamWriter.open(ledger, name, StreamAbout(tools, "a" * 64, "b" * 32)) for name in names]

        def write(number: int) -> None:
            for sequence, chunk in enumerate(chunks, 1):
                writers[number].commit(sequence, chunk, last=False)

        costs = {f"writer {name}": cost for name, cost in _at_once(write).items()}
        position = ledger.position(names[0])
    bare = _bare(place, (position and position.state_json) or "")
    return costs | {f"database {name}": cost for name, cost in _at_once(lambda n: bare.stream(n + 1, chunks)).items()}


def _at_once(work: Callable[[int], object]) -> dict[str, float]:
    began, before = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(STREAMS) as threads:
        list(threads.map(work, range(STREAMS)))
    number = STREAMS * STREAM_COMMITS
    spent_ms = 1e3 * (time.process_time() - before) / number
    return {"a second": number / (time.perf_counter() - began), "CPU ms": spent_ms}


def _url(place: str) -> str:
    return place if "://" in place else f"sqlite:///{place}"


class _Bare(ABC):
    """A database with the rows of commits alone, prepared before, and the durability that raypp asks for.

    Attributes:
        begin: statement that begins a commit.
        mark: what stands for a value in a statement.
        tables: statements that make its tables.
    """

    begin: str
    mark: str
    tables: tuple[str, ...]

    def __init__(self, state: str) -> None:
        self._state = state
        with closing(self.connect()) as database:
            for statement in self.tables:
                database.execute(statement)
            numbers = [(number + 1,) for number in range(STREAMS)]
            database.cursor().executemany(self._sql("INSERT INTO bare_streams VALUES (?, 0, '')"), numbers)

    def _sql(self, statement: str) -> str:
        return statement.replace("?", self.mark)

    @abstractmethod
    def connect(self) -> Any:
        """Return a connection of its own that commits by itself."""

    def stream(self, stream: int, chunks: list[list[SeenFrame]]) -> float:
        """Commit the chunks of a stream; return the median of a commit's CPU seconds, of this thread."""
        spent = []
        find = self._sql("SELECT * FROM bare_streams WHERE id = ?")
        move = self._sql("UPDATE bare_streams SET committed = ?, state = ? WHERE id = ?")
        insert = self._sql("INSERT INTO bare_frames VALUES (?, ?, ?, ?, ?, ?, ?)")
        grow = self._sql("INSERT INTO bare_episodes VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET e = excluded.e")
        with closing(self.connect()) as database:
            cursor = database.cursor()
            for sequence, chunk in enumerate(chunks, 1):
                rows = [
                    (stream, frame.frame_index, sequence, frame.timestamp_us, 1, 5, pack_detections(frame.detections))
                    for frame in chunk
                ]
                first = sequence // 5
                uses = [(f"{stream:04}{number:028}", 0, sequence, 0) for number in range(first, first + 5)]
                before = time.thread_time()
                cursor.execute(self.begin)
                cursor.execute(find, (stream,)).fetchall()
                cursor.execute(move, (sequence, self._state, stream))
                cursor.executemany(insert, rows)
                cursor.executemany(grow, uses)
                cursor.execute("COMMIT")
                spent.append(time.thread_time() - before)
        return sorted(spent)[len(spent) // 2]


class _BareSqlite(_Bare):
    begin, mark = "BEGIN IMMEDIATE", "?"
    tables = (
        "CREATE TABLE bare_streams (id INTEGER PRIMARY KEY, committed INTEGER, state TEXT)",
        "CREATE TABLE bare_frames (s, i, q, t, o, c, d BLOB, PRIMARY KEY (s, i)) WITHOUT ROWID",
        "CREATE INDEX bare_at ON bare_frames (s, t)",
        "CREATE TABLE bare_episodes (id TEXT PRIMARY KEY, s, e, u)",
    )

    def __init__(self, path: Path, state: str) -> None:
        self._path = path
        super().__init__(state)

    def connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            database.execute(f"PRAGMA {pragma}")
        return database


class _BarePostgres(_Bare):
    begin, mark = "BEGIN", "%s"
    tables = (
        "CREATE TABLE bare_streams (id integer PRIMARY KEY, committed integer, state text)",
        "CREATE TABLE bare_frames (s int, i bigint, q int, t bigint, o int, c int, d bytea, PRIMARY KEY (s, i))",
        "CREATE INDEX bare_at ON bare_frames (s, t)",
        "CREATE TABLE bare_episodes (id text PRIMARY KEY, s integer, e integer, u integer)",
    )

    def __init__(self, url: str, state: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://")
        super().__init__(state)

    def connect(self) -> Any:
        return psycopg.connect(self._url, autocommit=True)


def _bare(place: str, state: str) -> _Bare:
    return _BarePostgres(place, state) if "://" in place else _BareSqlite(Path(place).with_suffix(".bare"), state)


def _frames(number: int) -> list[SeenFrame]:
    chance = random.Random(1)
    frames = []
    for index in range(number):
        detections = []
        for place in range(5):
            x, y = chance.random() / 2, chance.random() / 2
            tool = (index // 40 + 3 * place) % 17
            detections.append(Detection(tool, 0.5 + chance.random() / 2, x, y, x + 0.25, y + 0.25))
        frame = SeenFrame(index, START_US + index * 500_000, Observation.OBSERVED, tuple(detections))
        frames.append(as_stored(frame))
    return frames


_PARTS = {"reads": reads, "page": page, "commits": commits, "sizes": sizes, "streams": streams}

if __name__ == "__main__":
    print(json.dumps(_PARTS[sys.argv[1]](sys.argv[2])))
