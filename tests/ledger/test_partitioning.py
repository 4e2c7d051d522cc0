"""Weeks of `chunks_other` get partitions in batches: streams go on, nothing is lost, and whoever is killed goes on."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.ledgers import ledger as ledger_commands
from raypp.errors import LedgerUnavailableError
from raypp.ledger import partitioning
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.partitioning import partition_other
from raypp.ledger.partitions import OTHER, WEEK_US, list_partitions, make_partitions
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import T0, Clock, Connection, chunks, content, scratch, seen, working_day

OLD = "chunks_20230911"
PARTS = chunks([replace(frame, timestamp_us=frame.timestamp_us - 9 * WEEK_US) for frame in working_day()])
GATE, HALL = (StreamName("plant-1", camera, T0) for camera in ("gate", "hall"))
HALF = len(PARTS) // 2


@pytest.fixture
def ledger(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A ledger with two streams in a week that has no partition, and a frame of a clock that is wrong."""
    monkeypatch.setattr(partitioning, "_AT_A_TIME", 7)
    url = postgres.database()
    with Ledger.open(url, clock=Clock()) as ledger:
        _fill(ledger)
        assert rows_in(ledger, OTHER) == len(PARTS) + HALF + 1
        yield ledger
    postgres.drop(url)


def _fill(ledger: Ledger) -> None:
    ledger.add_site("plant-1")
    Connection(ledger, GATE).send_all(PARTS)
    Connection(ledger, HALL).send_all(PARTS[:HALF])
    Connection(ledger, StreamName("plant-1", "unset", T0)).send(1, [seen(0, at_us=1_000_000)])


def rows_in(ledger: Ledger, partition: str) -> int:
    with ledger.database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {partition}").scalar_one())  # noqa: S608


def is_as_new(ledger: Ledger) -> bool:
    """Whether nothing of the command is left but its partitions, whose parent has what every partition has."""
    with ledger.database.read() as connection:
        left = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ '^chunks_(new|changed|copied)'"
        )
        keys = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_constraint JOIN pg_inherits ON inhrelid = conrelid "
            "WHERE inhparent = 'chunks'::regclass AND contype IN ('p', 'f')"
        )
        checks = connection.exec_driver_sql("SELECT count(*) FROM pg_constraint WHERE conname ~ '^chunks.*week'")
        functions = connection.exec_driver_sql("SELECT count(*) FROM pg_proc WHERE proname ~ '^chunks'")
        counts = [each.scalar_one() for each in (left, checks, functions)]
        return keys.scalar_one() == 2 * len(list_partitions(connection)) and counts == [0, 0, 0]


def _change(ledger: Ledger) -> None:
    """Commit and forget where chunks have been copied, and where they have not."""
    live = Connection(ledger, HALL)
    for number in range(HALF, len(PARTS)):
        live.send(number + 1, PARTS[number])
    first, last = PARTS[2][0].timestamp_us, PARTS[5][0].timestamp_us + 1
    forget(ledger, "plant-1", camera="gate", from_us=first, to_us=last)
    forget(ledger, "plant-1", camera="gate", from_us=PARTS[-3][0].timestamp_us)


def test_a_week_moves_in_batches_while_streams_commit_and_forget(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    copy, batches = partitioning._copy_batch, []

    def copying(database: object) -> int:
        batches.append(copied := copy(database))
        if len(batches) == 2:
            _change(ledger)
        return copied

    monkeypatch.setattr(partitioning, "_copy_batch", copying)
    done = partition_other(ledger)
    with scratch() as same:
        _fill(same)
        _change(same)
        assert content(ledger) == content(same)
    assert len(batches) > 4
    assert (done.partitions, done.moved, done.left) == ((OLD,), rows_in(ledger, OLD), 1)
    assert check_ledger(ledger).problems == ()
    assert is_as_new(ledger)
    assert partition_other(ledger).partitions == ()
    gate = Connection(ledger, StreamName("plant-1", "yard", T0))
    gate.send_all(PARTS[:3])
    assert (rows_in(ledger, OTHER), rows_in(ledger, OLD)) == (1, done.moved + 3)


def test_a_service_that_makes_the_partition_meanwhile_does_no_harm(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    before, copy, batches = content(ledger), partitioning._copy_batch, []

    def copying(database: object) -> int:
        batches.append(copied := copy(database))
        if len(batches) == 2:
            assert make_partitions(ledger.database, T0) == 1
        return copied

    monkeypatch.setattr(partitioning, "_copy_batch", copying)
    assert partition_other(ledger).partitions == ()
    assert content(ledger) == before
    assert (rows_in(ledger, OLD), rows_in(ledger, OTHER)) == (len(PARTS) + HALF, 1)
    assert is_as_new(ledger)


_KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
seen = []
@event.listens_for(Engine, "after_cursor_execute")
def kill(connection, cursor, statement, *rest):
    seen.append(sys.argv[2] in statement)
    if sum(seen) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
from raypp.ledger import partitioning
from raypp.ledger.store import Ledger
partitioning._AT_A_TIME = 7
partitioning.partition_other(Ledger.open(sys.argv[1], create=False))
"""


def test_whoever_is_killed_goes_on(ledger: Ledger):
    before, url = content(ledger), ledger.database.engine.url.render_as_string(hide_password=False)
    for statement, time in (
        ("CREATE TRIGGER", 1),
        ("INSERT INTO chunks_new", 2),
        ("UPDATE chunks_copied", 2),
        ("DROP TABLE chunks_other", 1),
        ("ATTACH PARTITION chunks_other", 1),
    ):
        command = [sys.executable, "-c", _KILLED, url, statement, str(time)]
        done = subprocess.run(command, cwd=Path(__file__).parents[2], check=False)
        assert done.returncode == -signal.SIGKILL, statement
        assert content(ledger) == before
        assert check_ledger(ledger).problems == ()
    assert partition_other(ledger).partitions == (OLD,)
    assert content(ledger) == before
    assert rows_in(ledger, OTHER) == 1
    assert is_as_new(ledger)


def test_who_uses_the_other_partition_is_named_and_nothing_is_another(ledger: Ledger):
    before = content(ledger)
    url = ledger.database.engine.url.render_as_string(hide_password=False)
    with psycopg.connect(url.replace("+psycopg", ""), application_name="pg_dump") as dump:
        dump.execute("SELECT count(*) FROM chunks")
        with pytest.raises(LedgerUnavailableError, match=r"chunks_other of .* is in use by pg_dump, process \d+; the"):
            partition_other(ledger, wait_s=0)
        assert content(ledger) == before
    assert partition_other(ledger).partitions == (OLD,)
    assert content(ledger) == before


def test_the_command_says_what_became_of_each_ledger(ledger: Ledger, tmp_path: Path):
    app = typer.Typer()
    app.add_typer(ledger_commands, name="ledger")
    url = ledger.database.engine.url.render_as_string(hide_password=False)
    with Ledger.open(f"sqlite:///{tmp_path}/north.db"):
        pass
    urls = {"north": f"sqlite:///{tmp_path}/north.db", "south": url, "down": "postgresql://raypp@/x?host=/nowhere"}
    words = ["ledger", "partition", json.dumps(urls), "--json", str(tmp_path / "done.json")]
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, words)
    assert done.exit_code == 1
    assert f"made  {OLD}" in done.output.splitlines()
    assert f"{len(PARTS) + HALF} chunks moved, 1 left in no week's partition" in done.output
    assert "down was not partitioned: " in done.output
    north, south = json.loads((tmp_path / "done.json").read_text())["ledgers"]
    assert (north["partitions"], south["partitions"]) == ([], [OLD])
