"""The drop of a partition waits for readers, and holds up nobody for long."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import event

import raypp.ledger.dropping
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.dropping import _counts
from raypp.ledger.expiry import retain
from raypp.ledger.partitions import WEEK_US, list_partitions, make_partitions, week_of
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import DRILL, T0, Clock, Connection, chunks, seen

WEEK = week_of(T0)
DAYS = range(WEEK, WEEK + 5 * WEEK_US, WEEK_US // 7)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = WEEK + 5 * WEEK_US
    return clock


@pytest.fixture
def dropping(postgres: PostgresServer, clock: Clock) -> Iterator[Ledger]:
    """Five weeks of a camera in PostgreSQL, with a partition for each."""
    url = postgres.database()
    with Ledger.open(url, clock=clock) as ledger:
        ledger.add_site("plant-1")
        make_partitions(ledger.database, ledger.clock(), range(WEEK, WEEK + 6 * WEEK_US, WEEK_US))
        parts = chunks([seen(number, DRILL, at_us=at_us) for number, at_us in enumerate(DAYS)])
        Connection(ledger, StreamName("plant-1", "bench", WEEK)).send_all(parts)
        yield ledger
    postgres.drop(url)


def test_readers_are_waited_for_from_when_frames_are_counted(dropping: Ledger, monkeypatch: pytest.MonkeyPatch):
    """Counting takes longer than the wait; the reader is there for longer than one try."""
    url = dropping.database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    real, wait_s = _counts, 3.0
    with psycopg.connect(url) as reader:
        leaving = threading.Timer(1.3, reader.close)

        def slowly(*arguments: object) -> object:
            counts = real(*arguments)
            if not leaving.ident:
                time.sleep(wait_s)
                leaving.start()
            return counts

        monkeypatch.setattr(raypp.ledger.dropping, "_counts", slowly)
        reader.execute("SELECT count(*) FROM chunks")
        assert len(retain(dropping, 2 * WEEK_US, wait_s=wait_s).partitions) == 3
        leaving.join()


def test_streams_go_on_where_a_drop_freezes(dropping: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    url = dropping.database.engine.url.render_as_string(hide_password=False)
    dropping.database.engine.dispose()
    monkeypatch.setattr(raypp.ledger.dropping, "_IDLE", "1s")
    child = os.fork()
    if child == 0:
        try:
            with Ledger.open(url, clock=clock) as ledger:
                event.listen(ledger.database.engine, "after_cursor_execute", freeze_at_drop)
                retain(ledger, 2 * WEEK_US)
        finally:
            os._exit(1)
    try:
        assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
        live = Connection(dropping, StreamName("plant-1", "bench", WEEK))
        live.send(live.committed + 1, [seen(9999, at_us=WEEK + 5 * WEEK_US)])
        assert check_ledger(dropping).problems == ()
        with dropping.database.read() as connection:
            assert "chunks_20231113" in [some.name for some in list_partitions(connection)]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def freeze_at_drop(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    if statement.startswith("DROP TABLE"):
        os.kill(os.getpid(), signal.SIGSTOP)
