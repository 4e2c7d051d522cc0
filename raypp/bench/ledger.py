"""Commits to a ledger: how many a second, their CPU time, and the bytes that they leave."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from raypp.bench.databases import MeasuredDatabase, PostgresDatabase, SqliteDatabase
from raypp.capacity.rates import LedgerRate
from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame

_SITE, _START_US, _FRAME_US = "bench", 1_790_000_000_000_000, 500_000
_TOOLS = tuple(f"tool-{number:02}" for number in range(16))
_THREADS, _STREAMS, _LOGGED = 8, 16, 8
"""Threads that commit at a time, as many as a gateway has for its ledger; commits whose log is measured singly."""


class _Content(NamedTuple):
    """Content of the chunks of a run.

    Attributes:
        chunks: of each stream.
        frames: of a chunk.
        detections: of a frame.
        turn: frames after which other tools are seen; 0 for never.
    """

    chunks: int
    frames: int
    detections: int
    turn: int = 0


_USUAL = _Content(16, 8, 4)
_EMPTY = _USUAL._replace(detections=0)
_SHORT = _EMPTY._replace(frames=2)
_BUSY = _USUAL._replace(turn=20)


@dataclass(frozen=True)
class _Run:
    """A run's cost: commits at once, seconds, CPU seconds of both sides, bytes of log, bytes kept, uses."""

    commits: int
    wall_s: float
    cpu_s: float
    server_s: float | None
    log_bytes: float
    kept_bytes: float
    episodes: int


def sqlite_rate(folder: Path, advance: Callable[[], None]) -> LedgerRate:
    """Measure a SQLite ledger in a folder; `advance` is called after each of four runs."""
    return _rate("sqlite", lambda number: SqliteDatabase.opened(folder / f"ledger-{number}.db"), advance)


def postgres_rate(url: str, advance: Callable[[], None]) -> LedgerRate:
    """Measure a PostgreSQL in databases of its own, which are dropped again.

    Args:
        url: of a database there, `postgresql+psycopg://...`; nothing is written to it.
        advance: is called after each of four runs.

    Raises:
        OptionError: if it is no such URL, cannot be reached, or its role may not create databases.
    """
    return _rate("postgresql", lambda _number: PostgresDatabase.opened(url), advance)


def _rate(
    kind: Literal["sqlite", "postgresql"],
    opened: Callable[[int], AbstractContextManager[MeasuredDatabase]],
    advance: Callable[[], None],
) -> LedgerRate:
    runs = []
    for number, content in enumerate((_USUAL, _EMPTY, _SHORT, _BUSY)):
        with opened(number) as database:
            runs.append(_committed(database, content))
        advance()
    usual, empty, short, busy = runs
    commits = usual.commits
    frame = max(0.0, empty.kept_bytes - short.kept_bytes) / (commits * (_EMPTY.frames - _SHORT.frames))
    detections = commits * _USUAL.frames * _USUAL.detections
    return LedgerRate(
        kind=kind,
        commits_per_s=usual.commits / usual.wall_s,
        writer_ms=1e3 * usual.cpu_s / usual.commits,
        server_ms=None if usual.server_s is None else 1e3 * usual.server_s / usual.commits,
        log_bytes=usual.log_bytes / _LOGGED,
        chunk_bytes=max(0.0, empty.kept_bytes / commits - _EMPTY.frames * frame),
        frame_bytes=frame,
        detection_bytes=max(0.0, usual.kept_bytes - empty.kept_bytes) / detections,
        episode_bytes=max(0.0, busy.kept_bytes - usual.kept_bytes) / max(1, busy.episodes - usual.episodes),
    )


def _committed(database: MeasuredDatabase, content: _Content) -> _Run:
    """Commit chunks of all streams, with several threads at a time."""
    with Ledger.open(database.url) as ledger:
        ledger.add_site(_SITE)
        about = StreamAbout(_TOOLS, "a" * 64, "b" * 32)
        names = [StreamName(_SITE, f"camera-{number:02}", _START_US) for number in range(_STREAMS)]
        writers = [StreamWriter.open(ledger, name, about) for name in names]
        frames = _frames(content)
        chunks = [frames[at : at + content.frames] for at in range(0, len(frames), content.frames)]

        def write(writer: StreamWriter, count: int = content.chunks) -> None:
            first = writer.committed
            for sequence, chunk in enumerate(chunks[first : first + count], first + 1):
                writer.commit(sequence, chunk, last=False)

        for writer in writers:  # first pages of tables, and each stream's state, are no bytes of later chunks
            write(writer, 1)
        logged = 0
        for _ in range(_LOGGED):
            before = database.log_bytes()
            write(writers[0], 1)
            logged += database.log_bytes() - before
        kept, episodes, server_s = database.kept_bytes(), database.count("episodes"), database.server_cpu_s()
        began, began_cpu = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(write, writers))
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
        spent = None if server_s is None else (database.server_cpu_s() or server_s) - server_s
        kept, episodes = max(0, database.kept_bytes() - kept), database.count("episodes") - episodes
    return _Run(content.chunks * _STREAMS, wall_s, cpu_s, spent, logged, kept, episodes)


def _frames(content: _Content) -> list[SeenFrame]:
    """Return frames of a stream: boxes tremble about their places, as a detector's do."""
    chance = np.random.default_rng(1)
    return [
        as_stored(_seen(index, content, chance)) for index in range((content.chunks + _LOGGED + 1) * content.frames)
    ]


def _seen(index: int, content: _Content, chance: np.random.Generator) -> SeenFrame:
    first = index // content.turn if content.turn else 0
    detections = []
    for number in range(content.detections):
        left, top, confidence = (0.1 + 0.15 * number, 0.3, 0.7) + chance.normal(0, 0.004, 3)  # noqa: RUF005 - of arrays
        corner = left + 0.1, top + 0.2
        detections.append(Detection((first * 4 + number) % len(_TOOLS), confidence, left, top, *corner))
    return SeenFrame(index, _START_US + index * _FRAME_US, Observation.OBSERVED, tuple(detections))
