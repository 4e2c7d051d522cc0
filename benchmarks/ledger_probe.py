"""What a ledger costs, measured in the tree whose code runs this: `PYTHONPATH=TREE python ledger_probe.py WHAT LEDGER`.

Only what commits 71664e3 and later have in common is called. Prints JSON; times are CPU milliseconds, the least of
several runs.
"""

import json
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def least(work: Callable[[], object], times: int = 7) -> float:
    """CPU milliseconds of some work, at its fastest."""
    spent = []
    for _ in range(times):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return 1e3 * min(spent)


def reads(path: Path) -> dict[str, float]:
    """Read the newest day and one in the middle, and the open episodes."""
    with Ledger.open(f"sqlite:///{path}") as ledger:
        first, last = ledger.extent(SITE) or (0, 0)
        middle = last - (last - first) // DAY_US // 2 * DAY_US
        return {
            "newest day": least(lambda: ledger.episodes(SITE, last - DAY_US, last, limit=None)),
            "middle day": least(lambda: ledger.episodes(SITE, middle - DAY_US, middle, limit=None)),
            "open episodes": least(lambda: ledger.open_episodes(SITE)),
        }


def page(path: Path) -> dict[str, float]:
    """Make a page of 31 days, and ask again for what has not changed."""
    try:
        from raypp.web.freshness import MadePages
    except ImportError:

        def kept() -> tuple[object, ...]:
            return ()
    else:

        def kept() -> tuple[object, ...]:
            return (MadePages(),)

    with Ledger.open(f"sqlite:///{path}") as ledger:
        identities, now_us = Identities(ledger), time.time_ns() // 1000
        headers = {"authorization": f"Bearer {identities.add_operator('boss')}"}
        address = ("GET", f"/sites/{SITE}", FROM_TO)

        def ask(tag: str) -> str:
            known = headers | ({"if-none-match": tag} if tag else {})
            answer = respond(PageRequest(*address, known), ledger, identities, now_us, None, *kept())
            return answer.headers.get("ETag", "")

        tag = ask("")
        return {"made": least(lambda: ask(""), 3), "asked again": least(lambda: ask(tag), 3)}


def commits(path: Path) -> dict[str, float]:
    """Commit chunks of eight frames of five detections and 17 tools through the writer, and their rows alone."""
    tools = tuple(f"tool-{number:02}" for number in range(17))
    frames = _frames(COMMITS * FRAMES)
    with Ledger.open(f"sqlite:///{path}") as ledger:
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
    state = (position and position.state_json) or ""
    return {"writer": 1e3 * sorted(spent)[COMMITS // 2], "database": _bare(path.with_suffix(".bare"), chunks, state)}


def _bare(path: Path, chunks: list[list[SeenFrame]], state: str) -> float:
    """Return the median of as many transactions with such rows, prepared before, and the pragmas that raypp sets."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE streams (id INTEGER PRIMARY KEY, committed INTEGER, state TEXT)")
    database.execute("CREATE TABLE frames (s, i, q, t, o, c, d BLOB, PRIMARY KEY (s, i)) WITHOUT ROWID")
    database.execute("CREATE INDEX at ON frames (s, t)")
    database.execute("CREATE TABLE episodes (id TEXT PRIMARY KEY, s, e, u)")
    database.execute("INSERT INTO streams VALUES (1, 0, '')")
    spent = []
    for sequence, chunk in enumerate(chunks, 1):
        rows = [
            (1, frame.frame_index, sequence, frame.timestamp_us, 1, 5, pack_detections(frame.detections))
            for frame in chunk
        ]
        uses = [(f"{number:032}", 0, sequence, 0) for number in range(sequence // 5, sequence // 5 + 5)]
        before = time.process_time()
        database.execute("BEGIN IMMEDIATE")
        database.execute("SELECT * FROM streams WHERE id = 1").fetchall()
        database.execute("UPDATE streams SET committed = ?, state = ? WHERE id = 1", (sequence, state))
        database.executemany("INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        database.executemany(
            "INSERT INTO episodes VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET e = excluded.e", uses
        )
        database.execute("COMMIT")
        spent.append(time.process_time() - before)
    database.close()
    return 1e3 * sorted(spent)[len(spent) // 2]


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


if __name__ == "__main__":
    print(json.dumps({"reads": reads, "page": page, "commits": commits}[sys.argv[1]](Path(sys.argv[2]))))
