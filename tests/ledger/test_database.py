"""What goes wrong under a ledger, and what is said of it."""

import stat
import threading
import time
from pathlib import Path

import pytest

from raypp.errors import LedgerBusyError, LedgerError, LedgerFullError, LedgerUnavailableError
from raypp.ledger import database, postgres_session
from raypp.ledger.database import translated
from raypp.ledger.store import Ledger
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import Clock, scratch


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ledger.db", "malformed"),
        ("mysql://root@host/db", "kind 'mysql'"),
        ("postgresql+asyncpg://host/db", "asyncpg"),
        ("sqlite://", "not a file"),
        ("sqlite:///:memory:", "not a file"),
        ("sqlite:////nowhere/at/all/ledger.db", "No such file or directory"),
    ],
)
def test_urls_that_cannot_be_used(address: str, words: str):
    with pytest.raises(LedgerError, match=words):
        Ledger.open(address)


@pytest.mark.parametrize("address", ["raypp:hush-hush@127.0.0.1:1/ledger", "127.0.0.1:1/ledger?password=hush-hush"])
def test_a_password_is_in_no_message(address: str):
    with pytest.raises(LedgerUnavailableError) as raised:
        Ledger.open(f"postgresql+psycopg://{address}")
    assert "127.0.0.1" in str(raised.value)
    seen: BaseException | None = raised.value
    while seen is not None:
        assert "hush-hush" not in f"{seen} {seen!r}"
        seen = seen.__cause__ or seen.__context__


def test_a_file_is_for_its_owner_alone(tmp_path: Path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        ledger.add_site("plant-1")
        assert {path.name for path in tmp_path.iterdir()} >= {"ledger.db", "ledger.db-wal"}
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_ledger(tmp_path: Path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is not a database" * 100)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="not a database"):
        Ledger.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_sqlite_is_set_as_durable_as_it_gets(tmp_path: Path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger, ledger.database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": database.BUSY_TIMEOUT_S * 1000,
        "secure_delete": 1,
    }


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger):
    with pytest.raises(ZeroDivisionError), ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE sites SET version = 7")
        raise ZeroDivisionError
    assert ledger.site_settings("plant-1") == (None, 0)


def test_a_reader_sees_one_moment(ledger: Ledger):
    with ledger.database.read() as connection:
        count = "SELECT count(*) FROM sites"
        assert connection.exec_driver_sql(count).scalar_one() == 1
        ledger.add_site("plant-2")
        assert connection.exec_driver_sql(count).scalar_one() == 1
    assert len(ledger.sites()) == 2


def test_a_reader_cannot_write_on_postgresql(postgres: PostgresServer):
    url = postgres.database()
    with Ledger.open(url) as ledger:
        ledger.add_site("plant-1")
        with pytest.raises(LedgerError, match="read-only"), ledger.database.read() as connection:
            connection.exec_driver_sql("UPDATE sites SET version = 7")
        ledger.add_site("plant-2")  # and the connection, given back, writes again
    postgres.drop(url)


def test_a_lock_held_too_long_is_retriable(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 1)
    monkeypatch.setitem(postgres_session.SETTINGS, "lock_timeout", "1s")
    with Ledger.open(url, clock=Clock()) as ledger, Ledger.open(url) as other:
        with other.database.write() as connection:
            connection.exec_driver_sql("UPDATE sites SET version = version")
            with pytest.raises(LedgerUnavailableError, match="try again"):
                ledger.configure("plant-1", "max_frame_gap_s: 4\n")
        ledger.configure("plant-1", "max_frame_gap_s: 4\n")


def test_a_thread_that_holds_the_turn_too_long_is_retriable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.2)
    with scratch() as ledger:
        begun, done = threading.Event(), threading.Event()

        def hold() -> None:
            with ledger.database.write():
                begun.set()
                done.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        begun.wait(10)
        with pytest.raises(LedgerUnavailableError, match="busy"):
            ledger.add_site("plant-2")
        done.set()
        thread.join()
        assert ledger.add_site("plant-2")


def test_errors_of_postgresql_by_their_state(postgres: PostgresServer):
    """Raised by the server itself, by RAISE with the state."""
    url = postgres.database()
    kinds = {
        "53100": LedgerFullError,
        "53300": LedgerUnavailableError,
        "40001": LedgerBusyError,
        "40P01": LedgerBusyError,
        "57014": LedgerBusyError,
        "25006": LedgerUnavailableError,
        "42501": LedgerError,
        "23505": LedgerError,
    }
    with Ledger.open(url) as ledger:
        for state, kind in kinds.items():
            with pytest.raises(LedgerError) as raised, ledger.database.write() as connection:
                connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{state}'; END $$")
            assert type(raised.value) is kind, state
            assert "so it is" in str(raised.value)
    postgres.drop(url)


def test_a_statement_that_takes_too_long_is_cut_off(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(postgres_session.SETTINGS, "statement_timeout", "200ms")
    url = postgres.database()
    with Ledger.open(url) as ledger:
        started = time.monotonic()
        with pytest.raises(LedgerUnavailableError), ledger.database.write() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(5)")
        assert time.monotonic() - started < 4
        with ledger.database.write(patient=True) as connection:
            connection.exec_driver_sql("SELECT pg_sleep(0.4)")
    postgres.drop(url)


def test_a_command_that_is_frozen_in_a_transaction_loses_it_and_its_locks(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
):
    url, hold = postgres.database(), "LOCK TABLE sites IN ACCESS EXCLUSIVE MODE"
    with Ledger.open(url) as ledger:
        ledger.add_site("plant-1")
        monkeypatch.setattr(database, "PATIENT_IDLE", "1s")
        with pytest.raises(LedgerUnavailableError), ledger.database.write(patient=True) as frozen:
            frozen.exec_driver_sql(hold)
            frozen.exec_driver_sql("SELECT pg_sleep(1.5)")  # at work
            time.sleep(2)
            assert [site.name for site in ledger.sites()] == ["plant-1"]
            frozen.exec_driver_sql("DELETE FROM sites")
        assert [site.name for site in ledger.sites()] == ["plant-1"]
    postgres.drop(url)


def test_other_errors_are_said_plainly():
    assert type(translated(__import__("sqlalchemy").exc.InvalidRequestError("what\nmore"), "here")) is LedgerError
