"""Zombies, kills, take-overs: whatever happens, each chunk is in the ledger once, or not at all."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from raypp.errors import LedgerError, LedgerUnavailableError, StaleStreamError, StreamRefusedError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import STREAM, T0, Clock, Connection, chunks, content, undisturbed, working_day


def forked(work: Callable[[], object]) -> int:
    """Start a child process that does some work and ends; return its id. Nothing may be open that it would share."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def stubborn(url: str, parts, *, give_up_s: float = 60.0) -> int:
    """Stream all chunks as a service does whose connections break; return how often it had to begin again."""
    again, until = 0, time.monotonic() + give_up_s
    while time.monotonic() < until:
        try:
            ledger = Ledger.open(url, clock=Clock())
            break
        except LedgerUnavailableError:
            again += 1
    with ledger:
        while time.monotonic() < until:
            try:
                connection = Connection(ledger)
                for sequence in range(connection.committed + 1, len(parts) + 1):
                    connection.send(sequence, parts[sequence - 1], last=sequence == len(parts))
            except (LedgerUnavailableError, StaleStreamError):
                again += 1
                time.sleep(0.02)
            else:
                return again
    raise AssertionError(f"not done after {give_up_s} s")


def test_of_two_zombies_with_the_same_chunk_exactly_one_wins(ledger: Ledger, url: str):
    parts = chunks(working_day())
    first = Connection(ledger)
    with Ledger.open(url, clock=Clock()) as other:
        for sequence, part in enumerate(parts, 1):
            commit, state = first.prepare(sequence, part, last=sequence == len(parts))
            barrier, won, lost = threading.Barrier(2), [], []

            def attempt(through: Ledger, commit=commit, barrier=barrier, won=won, lost=lost) -> None:
                barrier.wait()
                try:
                    through.commit(commit)
                    won.append(through)
                except (StaleStreamError, StreamRefusedError):
                    lost.append(through)

            threads = [threading.Thread(target=attempt, args=(opened,)) for opened in (ledger, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert (len(won), len(lost)) == (1, 1)
            first.state = state
    assert content(ledger) == undisturbed(parts)


def test_many_cameras_at_once(ledger: Ledger):
    parts = chunks(working_day())
    names = [StreamName("plant-1", f"camera-{number}", T0 + number) for number in range(8)]
    failed = []

    def stream(name: StreamName) -> None:
        try:
            Connection(ledger, name).send_all(parts, last=True)
        except LedgerError as error:
            failed.append(error)

    threads = [threading.Thread(target=stream, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    held = content(ledger)
    assert [len(frames) for _, frames in held.frames] == [len(working_day())] * 8
    for name in names:
        (alone,) = (frames for stream, frames in held.frames if stream == name)
        assert alone == tuple(working_day())
        assert {episode for episode in held.episodes if episode.stream == name} == undisturbed(parts, name).episodes


def test_connections_that_keep_taking_a_stream_from_each_other(ledger: Ledger, url: str):
    parts = chunks(working_day(480))
    results: list[object] = []

    def stream() -> None:
        try:
            results.append(stubborn(url, parts))
        except BaseException as error:  # noqa: BLE001 - reported below
            results.append(error)

    threads = [threading.Thread(target=stream) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(result, int) for result in results), results
    assert content(ledger) == undisturbed(parts)


def test_opening_at_once_brings_the_schema_up_once(empty_url: str):
    def open_it() -> None:
        with Ledger.open(empty_url) as ledger:
            ledger.add_site("plant-1")

    children = [forked(open_it) for _ in range(6)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    with Ledger.open(empty_url, create=False) as ledger:
        assert [site.name for site in ledger.sites()] == ["plant-1"]


def test_kill_9_at_any_moment_leaves_whole_chunks(url: str):
    parts = chunks(working_day(4800))
    luck = random.Random(4)
    reached = [0]
    for _ in range(12):
        child = forked(lambda: endless(url))
        with Ledger.open(url) as ledger:
            until = time.monotonic() + 30
            while committed(ledger) <= reached[-1] and time.monotonic() < until:
                time.sleep(0.005)
            time.sleep(luck.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            reached.append(committed(ledger))
            assert list(ledger.frames(STREAM)) == [frame for part in parts[: reached[-1]] for frame in part]
    assert reached == sorted(set(reached)), "no chunk was committed between two kills"
    stubborn(url, parts)
    with Ledger.open(url) as ledger:
        assert content(ledger) == undisturbed(parts)


def committed(ledger: Ledger) -> int:
    position = ledger.position(STREAM)
    return position.committed if position else 0


def endless(url: str) -> None:
    """Stream until killed."""
    parts = chunks(working_day(4800))
    with Ledger.open(url, clock=Clock()) as ledger:
        connection = Connection(ledger)
        for sequence in range(connection.committed + 1, len(parts)):
            connection.send(sequence, parts[sequence - 1])


def test_killed_backends_lose_and_double_nothing(postgres: PostgresServer):
    url = postgres.database()
    parts = chunks(working_day(12_000))
    with Ledger.open(url, clock=Clock()) as ledger:
        ledger.add_site("plant-1")
    done = threading.Event()
    counts: list[int] = []

    def stream() -> None:
        try:
            counts.append(stubborn(url, parts))
        finally:
            done.set()

    thread = threading.Thread(target=stream)
    thread.start()
    luck = random.Random(5)
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
    name, killed = postgres.name_of(url), 0
    elsewhere = url.replace("+psycopg", "").replace(f"/{name}", "/postgres")
    with psycopg.connect(elsewhere, autocommit=True) as killer:  # psql would take longer for a kill than the stream
        while not done.wait(luck.uniform(0.01, 0.12)):
            (count,) = killer.execute(kill, (name,)).fetchone()
            killed += count
    thread.join()
    assert counts
    assert killed > 3
    assert counts[0] > 0
    with Ledger.open(url) as ledger:
        assert content(ledger) == undisturbed(parts)
    postgres.drop(url)


def test_a_crash_of_the_server_loses_no_committed_chunk():
    parts = chunks(working_day(400))
    with PostgresServer() as server:  # fsync as it comes
        url = server.database()
        with Ledger.open(url, clock=Clock()) as ledger:
            ledger.add_site("plant-1")
            connection = Connection(ledger)
            for sequence in range(1, 21):
                connection.send(sequence, parts[sequence - 1])
            server.stop("immediate")
            with pytest.raises(LedgerUnavailableError, match="cannot be reached just now"):
                connection.send(21, parts[20])
            with pytest.raises(LedgerUnavailableError):
                ledger.position(STREAM)
            server.start()
            position = ledger.position(STREAM)
            assert position is not None
            assert position.committed == 20
        stubborn(url, parts)
        with Ledger.open(url) as ledger:
            assert content(ledger) == undisturbed(parts)


def test_a_frozen_transaction_does_not_hold_others_for_ever(postgres: PostgresServer):
    """A replica that stops within a transaction loses it; others get a retriable error until then."""
    url = postgres.database()
    parts = chunks(working_day(80))
    with Ledger.open(url, clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        connection = Connection(ledger)
        with ledger.database.engine.connect() as frozen:
            frozen.exec_driver_sql("SET idle_in_transaction_session_timeout = '1s'")
            frozen.exec_driver_sql("UPDATE streams SET active_us = 0")
            started = time.monotonic()
            assert connection.send(1, parts[0]) == 1  # waits for the lock until the frozen one has lost it
            assert 0.5 < time.monotonic() - started < 10
            frozen.invalidate()
    postgres.drop(url)


def test_the_audit_log_is_whole_after_threads_wrote_at_once(ledger: Ledger):
    log = AuditLog(ledger)
    threads = [
        threading.Thread(target=lambda: [log.record("x", "read", f"{number}") for number in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = log.list(limit=1000)
    assert len(entries) == 80
    assert [entry.entry for entry in entries] == sorted({entry.entry for entry in entries})


def test_sqlite_waits_for_another_process_that_writes(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, clock=Clock()) as ledger, Ledger.open(url, clock=Clock()) as other:
        ledger.add_site("plant-1")
        with other.database.write() as connection:
            connection.exec_driver_sql("UPDATE sites SET version = version")
            held = threading.Event()

            def add() -> None:
                ledger.add_site("plant-2")
                held.set()

            thread = threading.Thread(target=add)
            thread.start()
            assert not held.wait(0.3)
        thread.join()
        assert len(ledger.sites()) == 2
