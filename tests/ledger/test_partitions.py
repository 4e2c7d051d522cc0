"""Partitions of a PostgreSQL ledger: made ahead, by one of several, and whatever a clock says, no chunk is refused."""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic import command

from raypp.errors import LedgerBusyError
from raypp.io.clock import now_us
from raypp.ledger import partitions
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.database import Database
from raypp.ledger.migration import migrate
from raypp.ledger.partitioning import partition_other
from raypp.ledger.partitions import (
    BEFORE,
    OTHER,
    WEEK_US,
    keep_partitions_ahead,
    list_partitions,
    make_partitions,
    week_of,
)
from raypp.ledger.retention import forget
from raypp.ledger.schema import migration_config, schema_of
from raypp.ledger.site_move import SiteMove
from raypp.ledger.store import Ledger
from raypp.ledger.tables import DAY_US
from raypp.usage.episode import StreamName
from tests.ledger.pooler import Pooler
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import DRILL, STREAM, T0, Clock, Connection, chunks, content, seen, undisturbed, working_day

WEEK = week_of(T0)
PARTS = chunks(working_day())


@pytest.fixture
def address(postgres: PostgresServer) -> Iterator[str]:
    """URL of an empty database."""
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture
def older(address: str) -> str:
    """URL of a ledger of schema 0009 with a stream that goes on."""
    with closing(Database.open(address, create=True)) as database, database.write(patient=True) as connection:
        command.upgrade(migration_config(connection), "0009")
    with Ledger.open(address, create=False, clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(PARTS[:20])
    return address


def rows_in(ledger: Ledger, partition: str) -> int:
    with ledger.database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {partition}").scalar_one())  # noqa: S608


def names(ledger: Ledger) -> list[str]:
    with ledger.database.read() as connection:
        return [partition.name for partition in list_partitions(connection)]


@pytest.mark.parametrize(
    ("day", "monday"), [("2026-11-30T00:00", 30), ("2026-12-06T23:59:59.999999", 30), ("2026-11-29T12:00", 23)]
)
def test_weeks_begin_on_monday_in_utc(day: str, monday: int):
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    week = datetime.fromtimestamp(week_of(round(moment.timestamp() * 1e6)) / 1e6, UTC)
    assert (week.day, week.isoweekday(), week.hour) == (monday, 1, 0)


def test_a_new_ledger_has_this_week_and_four_more(address: str):
    with Ledger.open(address, clock=Clock()) as ledger:
        assert names(ledger) == ["chunks_20231113", *(f"chunks_2023{day}" for day in (1120, 1127, 1204, 1211)), OTHER]
        ledger.add_site("plant-1")
        Connection(ledger).send_all(PARTS, last=True)
        assert content(ledger) == undisturbed(PARTS)
        assert (rows_in(ledger, "chunks_20231113"), rows_in(ledger, OTHER)) == (len(PARTS), 0)
        assert make_partitions(ledger.database, T0) == 0
        assert make_partitions(ledger.database, T0 + WEEK_US) == 1


def test_a_migrated_ledger_has_its_chunks_in_one_partition_and_goes_on(older: str):
    with Ledger.open(older, create=False, clock=Clock()) as ledger:
        before = content(ledger)
        wrong = seen(1000, DRILL, at_us=now_us() + 400 * DAY_US)  # of a clock that runs far ahead
        gate = Connection(ledger, StreamName("plant-1", "gate", T0))
        gate.send(1, [wrong])
        both = content(ledger)
    assert migrate(older).from_schema == "0009"
    with Ledger.open(older, clock=Clock()) as ledger:
        assert content(ledger) == both
        assert (rows_in(ledger, BEFORE), rows_in(ledger, OTHER)) == (20, 1)
        assert check_ledger(ledger).problems == ()
        live = Connection(ledger)
        assert live.committed == 20
        live.send_all(PARTS, last=True)
        assert dict(content(ledger).frames)[STREAM] == undisturbed(PARTS).frames[0][1]
        assert forget(ledger, "plant-1", from_us=now_us(), to_us=now_us() + 500 * DAY_US).frames == 1
        assert rows_in(ledger, OTHER) == 0
    assert before != both


_KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
@event.listens_for(Engine, "after_cursor_execute")
def kill(connection, cursor, statement, *rest):
    if "ATTACH PARTITION chunks_before" in statement:
        os.kill(os.getpid(), signal.SIGKILL)
from raypp.ledger.store import Ledger
Ledger.open(sys.argv[1])
"""


def test_a_migration_that_is_killed_has_not_begun(older: str):
    with Ledger.open(older, create=False) as ledger:
        before = content(ledger)
    done = subprocess.run([sys.executable, "-c", _KILLED, older], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    with Ledger.open(older, create=False) as ledger:
        with ledger.database.read() as connection:
            assert schema_of(connection) == "0009"
        assert content(ledger) == before
        assert names(ledger) == []
    with Ledger.open(older, clock=Clock()) as ledger:
        assert content(ledger) == before
        assert BEFORE in names(ledger)


def test_a_migration_beside_a_dump_lets_streams_go_on_and_names_the_dump(older: str, caplog: pytest.LogCaptureFixture):
    migrating = threading.Thread(target=migrate, args=(older,))
    with Ledger.open(older, create=False, clock=Clock()) as ledger:
        live = Connection(ledger)
        with psycopg.connect(older.replace("+psycopg", ""), application_name="pg_dump") as dump:
            dump.execute("SELECT count(*) FROM chunks")
            migrating.start()
            until = time.monotonic() + 60
            while "waits for pg_dump, process" not in caplog.text and time.monotonic() < until:
                time.sleep(0.05)
            for number in range(21, 26):
                live.send(number, PARTS[number - 1])
            assert migrating.is_alive()
        migrating.join()
        assert "waits for pg_dump, process" in caplog.text
        assert live.committed == 25
        assert rows_in(ledger, BEFORE) == 25
        assert check_ledger(ledger).problems == ()


def test_a_chunk_of_no_partition_is_kept_and_moves_when_its_week_has_one(address: str):
    """A recording of last spring, a clock that was never set, and one that runs ahead."""
    with Ledger.open(address, clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        moments = {"spring": T0 - 30 * WEEK_US, "unset": 1_000_000, "ahead": T0 + 20 * WEEK_US}
        for number, (camera, at_us) in enumerate(moments.items()):
            connection = Connection(ledger, StreamName("plant-1", camera, T0 + number))
            connection.send(1, [seen(0, DRILL, at_us=at_us), seen(1, at_us=at_us + 1)])
        before = content(ledger)
        assert rows_in(ledger, OTHER) == 3
        assert make_partitions(ledger.database, T0) == 1
        assert rows_in(ledger, OTHER) == 2  # a clock that is wrong gets no partition
        assert make_partitions(ledger.database, T0 + 20 * WEEK_US) == 5
        assert rows_in(ledger, OTHER) == 1
        assert content(ledger) == before
        assert check_ledger(ledger).problems == ()


def test_several_make_partitions_once_while_streams_commit_through_a_pooler(address: str, postgres: PostgresServer):
    with Pooler(postgres, default_pool_size=4) as pooler, Ledger.open(pooler.url(address), clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        weeks, numbers = range(WEEK - 6 * WEEK_US, WEEK, WEEK_US), []

        def make() -> None:
            numbers.append(make_partitions(ledger.database, T0, weeks))

        def stream() -> None:
            Connection(ledger).send_all(PARTS, last=True)

        threads = [threading.Thread(target=work) for work in (make, stream, make)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(numbers) == len(weeks)
        assert content(ledger) == undisturbed(PARTS)


def test_a_site_that_is_moved_here_has_the_partitions_of_its_weeks(address: str, tmp_path: Path):
    with Ledger.open(f"sqlite:///{tmp_path}/a.db", clock=Clock()) as source:
        source.add_site("plant-1")
        old = [replace(frame, timestamp_us=frame.timestamp_us - 9 * WEEK_US) for frame in working_day()]
        Connection(source).send_all(chunks(old), last=True)
        before = content(source)
        with Ledger.open(address, clock=Clock()) as target:
            SiteMove(source, target, "plant-1").run()
            assert content(target) == before
            assert (rows_in(target, "chunks_20230911"), rows_in(target, OTHER)) == (len(PARTS), 0)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    texts = [each.getMessage() for each in caplog.records if each.name == "raypp.ledger"]
    return [each for each in texts if "holds a new ledger now" not in each]


def test_a_service_whose_role_owns_no_table_starts_and_streams(
    address: str, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
):
    clock = Clock()
    with Ledger.open(address, clock=clock) as ledger:
        ledger.add_site("plant-1")
    name = postgres.name_of(address)
    postgres.sql(
        name,
        "CREATE ROLE clerk LOGIN; GRANT CREATE ON SCHEMA public TO clerk; "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk; "
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk",
    )
    clock.now += 10 * WEEK_US
    parts = chunks([replace(frame, timestamp_us=frame.timestamp_us + 10 * WEEK_US) for frame in working_day()])
    with Ledger.open(address.replace("raypp@", "clerk@"), clock=clock) as ledger:
        keep_partitions_ahead(ledger.database, clock.now)
        Connection(ledger).send_all(parts, last=True)
        assert (rows_in(ledger, OTHER), check_ledger(ledger).problems) == (len(parts), ())
        before = content(ledger)
    (warning,) = warnings(caplog)
    assert "must be owner of table chunks" in warning
    with Ledger.open(address, clock=clock) as ledger:
        assert (rows_in(ledger, OTHER), content(ledger)) == (0, before)


def test_a_reader_holds_up_no_move_of_a_site_and_commits_once_an_hour(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    clock = Clock()
    with Ledger.open(f"sqlite:///{tmp_path}/a.db", clock=clock) as source, Ledger.open(address, clock=clock) as target:
        source.add_site("plant-1")
        old = [replace(frame, timestamp_us=frame.timestamp_us - 9 * WEEK_US) for frame in working_day()]
        Connection(source).send_all(chunks(old), last=True)
        before = content(source)
        with psycopg.connect(address.replace("+psycopg", ""), application_name="pg_dump") as reader:
            reader.execute("SELECT count(*) FROM chunks")
            SiteMove(source, target, "plant-1").run()
            assert content(target) == before
            assert rows_in(target, OTHER) == len(PARTS)
            for _ in range(3):
                keep_partitions_ahead(target.database, T0)
            (warning,) = warnings(caplog)
            assert "is busy" in warning
            with pytest.raises(LedgerBusyError):
                make_partitions(target.database, T0)
        keep_partitions_ahead(target.database, T0)
        assert rows_in(target, OTHER) == len(PARTS)
    with Ledger.open(address, clock=clock) as target:
        assert (rows_in(target, "chunks_20230911"), rows_in(target, OTHER)) == (len(PARTS), 0)
        assert content(target) == before


def test_weeks_to_come_are_made_though_one_of_the_past_cannot_be(address: str, postgres: PostgresServer):
    with Ledger.open(address, clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send(1, [seen(0, DRILL, at_us=T0 - 30 * WEEK_US)])
        past = f"chunks_{datetime.fromtimestamp((WEEK - 30 * WEEK_US) / 1e6, UTC):%Y%m%d}"
        postgres.sql(postgres.name_of(address), f"CREATE VIEW {past} AS SELECT 1")
        keep_partitions_ahead(ledger.database, T0 + 20 * WEEK_US)
        assert len(names(ledger)) == 11
        assert rows_in(ledger, OTHER) == 1


def test_a_service_moves_no_week_that_would_hold_up_commits_for_long(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(partitions, "_MOST_MOVED", 20)
    with Ledger.open(address, clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        for camera, weeks, count in (("gate", 9, 21), ("hall", 10, 20)):
            old = [replace(frame, timestamp_us=frame.timestamp_us - weeks * WEEK_US) for frame in working_day()]
            Connection(ledger, StreamName("plant-1", camera, T0)).send_all(chunks(old)[:count])
        keep_partitions_ahead(ledger.database, T0)
        (warning,) = warnings(caplog)
        assert "chunks_20230911: more than 20 chunks of the week lie in chunks_other; run `raypp led" in warning
        assert (rows_in(ledger, "chunks_20230904"), rows_in(ledger, OTHER)) == (20, 21)
        assert partition_other(ledger).partitions == ("chunks_20230911",)
