"""A ledger of a row a frame is read, migrated and gone on with; no answer becomes another."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from raypp.errors import LedgerError
from raypp.ledger.migration import migrate
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.sites import frames_apart
from raypp.ledger.store import Ledger
from raypp.usage.settings import SiteSettings
from raypp.usage.state import FoldState
from tests.ledger.older import write_older
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import STREAM, Clock, Connection, alone, at, chunks, content, scratch, without, working_day

FRAMES = working_day(400)
PARTS = chunks(FRAMES)
CHANGED = "tools: [{class: drill, min_on_s: 4}]"
KEPT = 30
"""Chunks that the older raypp has committed."""


@pytest.fixture(scope="module")
def newer() -> Iterator[Ledger]:
    """Give a ledger that the older one must be equal to."""
    with scratch() as ledger:
        Connection(ledger).send_all(PARTS[:KEPT])
        yield ledger


@pytest.fixture
def older_url(empty_url: str, newer: Ledger) -> str:
    write_older(empty_url, newer)
    return empty_url


def answers(ledger: Ledger) -> tuple[object, ...]:
    return (
        ledger.episodes("plant-1", limit=None),
        ledger.episodes("plant-1", at(50), at(70), limit=None),
        ledger.stretches("plant-1"),
        ledger.streams("plant-1"),
        ledger.extent("plant-1"),
        ledger.latest("plant-1", at(1000)),
        ledger.open_episodes("plant-1"),
        ledger.changed_episodes("plant-1", 0),
        ledger.changed_episodes("plant-1", at(10**6)),
        ledger.version("plant-1"),
    )


def test_reading_changes_nothing_and_answers_alike(older_url: str, newer: Ledger):
    with Ledger.open(older_url, create=False) as ledger:
        assert answers(ledger) == answers(newer)
        with ledger.database.read() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM raypp_schema").scalar_one() == "0006"


def test_once_migrated_it_answers_alike_and_its_stream_goes_on(older_url: str, newer: Ledger):
    with Ledger.open(older_url, clock=Clock()) as ledger:
        assert answers(ledger) == answers(newer)
        assert content(ledger) == content(newer)
        live = Connection(ledger)
        assert live.committed == KEPT
        assert live.state == FoldState.from_json(newer.position(STREAM).state_json)
        for sequence, part in enumerate(PARTS[KEPT:], KEPT + 1):
            live.send(sequence, part)
        held = content(ledger)
        assert held.frames == ((STREAM, tuple(FRAMES)),)
        assert (held.episodes, held.stretches) == alone(FRAMES)


@pytest.mark.parametrize(("start", "end"), [(50.0, 70.0), (0.0, 65.0), (100.3, 130.7), (130.0, 400.0), (0.0, 400.0)])
def test_forgetting_reaches_over_both_kinds_of_rows(older_url: str, start: float, end: float):
    with Ledger.open(older_url, clock=Clock()) as ledger:
        live = Connection(ledger)
        for sequence, part in enumerate(PARTS[KEPT:], KEPT + 1):
            live.send(sequence, part)
        left = without(FRAMES, at(start), at(end))
        dry = forget(ledger, "plant-1", from_us=at(start), to_us=at(end), dry_run=True)
        gone = [frame for frame in FRAMES if frame not in left]
        assert (dry.frames, dry.detections) == (len(gone), sum(len(frame.detections) for frame in gone))
        assert forget(ledger, "plant-1", from_us=at(start), to_us=at(end)).frames == len(gone)
        held = content(ledger)
        assert held.frames == ((STREAM, tuple(left)),)
        assert (held.episodes, held.stretches) == (alone(left) if left else (frozenset(), frozenset()))
        (status,) = ledger.streams("plant-1")
        assert status.newest_us == (left[-1].timestamp_us if left else None)


def test_folding_anew_reads_both_kinds_of_rows(older_url: str):
    with Ledger.open(older_url, clock=Clock()) as ledger:
        live = Connection(ledger)
        for sequence, part in enumerate(PARTS[KEPT:], KEPT + 1):
            live.send(sequence, part)
        ledger.configure("plant-1", CHANGED)
        with ledger.database.read() as connection:
            assert frames_apart(connection, "plant-1") == len(FRAMES)
        assert reaggregate(ledger, "plant-1").frames == len(FRAMES)
        held = content(ledger)
        assert (held.episodes, held.stretches) == alone(FRAMES, SiteSettings.parse(CHANGED, "test"))


_KILLED = """
import os, signal, sys
from raypp.ledger import packing
packing.pack_state = lambda text: os.kill(os.getpid(), signal.SIGKILL)
from raypp.ledger.store import Ledger
Ledger.open(sys.argv[1])
"""


def test_a_migration_beside_a_dump_holds_up_no_commit_and_names_the_dump(
    postgres: PostgresServer, newer: Ledger, caplog: pytest.LogCaptureFixture
):
    url = postgres.database()
    write_older(url, newer)
    migrating = threading.Thread(target=migrate, args=(url,))
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True, options="-c lock_timeout=4s") as service:
        with psycopg.connect(url.replace("+psycopg", ""), application_name="pg_dump") as dump:
            dump.execute("SELECT count(*) FROM episodes")
            migrating.start()
            until = time.monotonic() + 60
            while "waits for pg_dump, process" not in caplog.text and time.monotonic() < until:
                for table in ("streams", "episodes", "sites"):
                    service.execute(f"DELETE FROM {table} WHERE false")  # noqa: S608 - takes a commit's lock
                time.sleep(0.05)
            assert migrating.is_alive()
        migrating.join()
    assert "waits for pg_dump, process" in caplog.text
    with Ledger.open(url, create=False) as migrated:
        assert content(migrated) == content(newer)
    postgres.drop(url)


def test_a_migration_that_is_killed_has_not_begun(older_url: str, newer: Ledger):
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", _KILLED, older_url], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    with Ledger.open(older_url, create=False) as ledger:
        assert answers(ledger) == answers(newer)
        with pytest.raises(LedgerError, match="chunks"):
            list(ledger.frames(STREAM))
    with Ledger.open(older_url, clock=Clock()) as ledger:
        assert content(ledger) == content(newer)
