"""A SQLite ledger with a long history of one site: `python -m benchmarks.history LEDGER DAYS`.

Only what commits 71664e3 and later have in common is called, so that either can make it.
"""

import hashlib
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.usage.episode import StreamName

SITE = "plant-1"
END_US = int(datetime(2026, 11, 27, 23, tzinfo=UTC).timestamp()) * 1_000_000
"""Midnight of the site, and the end of its last day."""
DAY_US = 86_400_000_000
CAMERAS = ("bench", "gate", "hall", "press")
TOOLS = tuple(f"tool-{number:02}" for number in range(17))
SHIFTS = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00"))
USES_A_DAY, STRETCHES_A_DAY = 300, 24
_SETTINGS = "\n".join(
    (
        "time_zone: Europe/Berlin",
        "shifts:",
        *(f"  - {{name: {name}, start: '{start}', end: '{end}'}}" for name, start, end in SHIFTS),
        "tools:",
        *(f"  - class: {tool}" for tool in TOOLS),
    )
)


def make_history(path: Path, days: int) -> None:
    """Make a ledger of four cameras, each with 300 uses of 17 tools and 24 stretches a day."""
    with Ledger.open(f"sqlite:///{path}") as ledger:
        ledger.add_site(SITE)
        ledger.configure(SITE, _SETTINGS)
        start_us = END_US - days * DAY_US
        for camera in CAMERAS:
            ledger.open_stream(StreamName(SITE, camera, start_us), StreamAbout(TOOLS, "a" * 64, "b" * 32))
    with closing(sqlite3.connect(path)) as database, database:
        streams = database.execute("SELECT camera, stream_id FROM streams").fetchall()
        for camera, stream_id in streams:
            database.executemany(
                "INSERT INTO episodes VALUES (?, ?, ?, ?, '', ?, ?, ?, 3, ?, ?)", _uses(camera, stream_id, days)
            )
            database.executemany("INSERT INTO stretches VALUES (?, ?, ?, ?, ?)", _stretches(stream_id, days))
        database.execute("UPDATE streams SET committed = 1, newest_us = ?, ended_us = ?, end_reason = 3", [END_US] * 2)


def _uses(camera: str, stream_id: int, days: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(camera)
    pace_us = DAY_US // USES_A_DAY
    for number in range(days * USES_A_DAY):
        start_us = END_US - (number + 1) * pace_us + chance.randrange(pace_us)
        length_us = min(round(chance.lognormvariate(3.5, 1.2) * 1e6), 3_000_000_000, END_US - start_us)
        name = hashlib.sha256(f"{camera} {number}".encode()).hexdigest()[:32]
        reason = 2 if chance.random() < 0.05 else 1
        times = (start_us, start_us + length_us, round(length_us * chance.uniform(0.6, 1)))
        yield name, stream_id, SITE, chance.choice(TOOLS), *times, reason, start_us + length_us


def _stretches(stream_id: int, days: int) -> Iterator[tuple[int | str, ...]]:
    pace_us = 2 * DAY_US // STRETCHES_A_DAY
    for number in range(days * STRETCHES_A_DAY // 2):
        start_us = END_US - (number + 1) * pace_us
        turn_us = start_us + pace_us * 19 // 20
        yield stream_id, start_us, SITE, turn_us, 1
        yield stream_id, turn_us, SITE, start_us + pace_us, 2


if __name__ == "__main__":
    make_history(Path(sys.argv[1]), int(sys.argv[2]))
