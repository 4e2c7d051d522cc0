"""The database under a ledger: transactions of one meaning on SQLite and PostgreSQL, and errors of ours."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from raypp.errors import LedgerBusyError, LedgerError, LedgerFullError, LedgerUnavailableError
from raypp.io.tracing import SpanKind, TraceSpan, child
from raypp.ledger.ledger_url import parse_url, without_password
from raypp.ledger.placement import refuse_network_filesystem
from raypp.ledger.postgres_session import CONNECT, LOCK_TIMEOUT_S, PATIENT_IDLE, begin_postgres, prepare_postgres

BUSY_TIMEOUT_S = LOCK_TIMEOUT_S
"""How long a transaction waits for a lock, or a thread for a connection."""
_POOL, _OVERFLOW = 5, 15
_WRITES = "raypp_writes"
_PAGE = 2048
"""Bytes of a page of a new SQLite ledger. A commit changes a little on many pages, and logs each of them whole."""
_PURGE_AGAIN_S = 0.2

_RETRIABLE_STATES = {"57014", "57P01", "57P02", "57P03", "57P05", "55P03", "55006", "40001", "40P01", "25P03", "25006"}
_RETRIABLE_CLASSES = {"08", "53", "58"}
_BUSY_STATES = {"57014", "55P03", "40001", "40P01"}
"""The server says so itself: a timeout of one statement or lock, or another transaction that was first."""
_FILE = "raypp_file"
_DISK_FULL = "53100"


@dataclass(frozen=True)
class Database:
    """An open database.

    Attributes:
        engine: SQLAlchemy's engine.
        shown: the URL without its password.
        turn: SQLite has one writer at a time; threads of one process queue here rather than by polling the file.
    """

    engine: Engine
    shown: str
    turn: "threading.Lock | None"

    @classmethod
    def open(cls, address: str, *, create: bool) -> Self:
        """Open a database by its URL.

        Raises:
            LedgerError: for a URL of another kind, a SQLite file on a network filesystem or in memory, or, unless
                `create`, one that is not there.
        """
        url = parse_url(address)
        shown = without_password(url)
        if url.get_backend_name() == "sqlite":
            _place_file(url, create)
            engine = create_engine(
                url,
                hide_parameters=True,
                connect_args={"timeout": BUSY_TIMEOUT_S},
                pool_size=_POOL,
                max_overflow=_OVERFLOW,
                pool_timeout=BUSY_TIMEOUT_S,
            )
            _follow_file(engine, Path(str(url.database)), shown)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return cls(engine, shown, threading.Lock())
        engine = create_engine(
            url,
            hide_parameters=True,
            connect_args=dict(CONNECT),
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_recycle=1800,
            pool_size=_POOL,
            max_overflow=_OVERFLOW,
            pool_timeout=BUSY_TIMEOUT_S,
        )
        event.listen(engine, "connect", prepare_postgres)
        event.listen(engine, "begin", begin_postgres)
        return cls(engine, shown, None)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self.turn is not None

    @contextmanager
    def read(self, *, patient: bool = False) -> Iterator[Connection]:
        """A transaction that only reads, and sees one moment of the database throughout.

        Args:
            patient: whether it may take longer than the timeouts of the service's own, statements and pauses alike.

        Raises:
            LedgerError: what the database says, in our words; LedgerUnavailableError where trying again may help.
        """
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._translated(), self._span("read"), self.engine.connect() as connection:
            reading = connection.execution_options(**options)
            with reading.begin():
                if patient:
                    self._be_patient(reading, "0")
                yield reading

    @contextmanager
    def write(self, *, patient: bool = False) -> Iterator[Connection]:
        """A transaction that writes: all of it, or, on any error, nothing.

        SQLite: BEGIN IMMEDIATE, so no other writer comes between. PostgreSQL: READ COMMITTED; lock the rows you judge
        by. Where the commit itself fails with LedgerUnavailableError it may or may not be durable: read, then decide.

        Args:
            patient: whether statements may take longer than the timeout of the service's own, and pauses between them
                up to five minutes: a process that is frozen for longer loses the transaction, and its locks.
        """
        with self._translated(), self._span("write") as span, self._in_turn(), self.engine.connect() as connection:
            span.event("has its turn")
            writing = connection.execution_options(**{_WRITES: True})
            with writing.begin():
                if patient:
                    self._be_patient(writing, PATIENT_IDLE)
                yield writing

    def _be_patient(self, connection: Connection, idle: str) -> None:
        if not self.is_sqlite:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{idle}'"))

    def purge(self, wait_s: float) -> bool:
        """After rows were forgotten: leave none of their bytes in SQLite's log (the file itself is zeroed at once).

        A log can be emptied only while nobody reads what was there before.

        Args:
            wait_s: how long to wait for others.

        Returns:
            Whether nothing of them is left; always so for PostgreSQL, whose own log is not ours.
        """
        if not self.is_sqlite:
            return True
        until = time.monotonic() + wait_s
        while not self._empty_log():
            if time.monotonic() >= until:
                return False
            time.sleep(_PURGE_AGAIN_S)
        return True

    def _empty_log(self) -> bool:
        with self._translated(), self._in_turn(), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={round(_PURGE_AGAIN_S * 1000)}").fetchall()
            try:
                busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
            except sqlite3.OperationalError as error:
                if _sqlite_kind(error) not in {LedgerBusyError, LedgerUnavailableError}:
                    raise
                return False
            finally:
                cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}").fetchall()
        return not busy

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _span(self, operation: str) -> TraceSpan:
        system = "sqlite" if self.is_sqlite else "postgresql"
        attributes = {"db.system.name": system, "db.operation.name": operation}
        return child(f"{operation} ledger", SpanKind.CLIENT, attributes)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise translated(error, self.shown) from error

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self.turn is None:
            yield
            return
        if not self.turn.acquire(timeout=BUSY_TIMEOUT_S):
            raise LedgerBusyError(f"ledger {self.shown} is busy; try again")
        try:
            yield
        finally:
            self.turn.release()


def translated(error: SQLAlchemyError, shown: str) -> LedgerError:
    """Return the error of ours that an error of the database means."""
    if isinstance(error, PoolTimeoutError):
        return LedgerBusyError(f"ledger {shown}: all {_POOL + _OVERFLOW} connections are in use; try again")
    if not isinstance(error, DBAPIError) or error.orig is None:
        return LedgerError(f"ledger {shown}: {_first_line(error)}")
    reason = _first_line(error.orig)
    kind = _sqlite_kind if isinstance(error.orig, sqlite3.Error) else _postgres_kind
    kind_of_error = LedgerUnavailableError if error.connection_invalidated else kind(error.orig)
    if kind_of_error is LedgerFullError:
        return LedgerFullError(f"the disk under ledger {shown} is full; make room, nothing was written ({reason})")
    if kind_of_error is LedgerBusyError:
        return LedgerBusyError(f"ledger {shown} is busy ({reason}); try again")
    if kind_of_error is LedgerUnavailableError:
        return LedgerUnavailableError(f"ledger {shown} cannot be reached just now ({reason}); try again")
    return LedgerError(f"ledger {shown}: {reason}")


def _sqlite_kind(error: BaseException) -> type[LedgerError]:
    name = str(getattr(error, "sqlite_errorname", ""))
    if name == "SQLITE_FULL":
        return LedgerFullError
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerBusyError
    return LedgerUnavailableError if name.startswith("SQLITE_IOERR") else LedgerError


def _postgres_kind(error: BaseException) -> type[LedgerError]:
    state = getattr(error, "sqlstate", None)
    if state == _DISK_FULL:
        return LedgerFullError
    if state is None:  # the server was not reached, or went away
        lost = type(error).__name__ in {"OperationalError", "InterfaceError", "ConnectionTimeout"}
        return LedgerUnavailableError if lost else LedgerError
    if state in _BUSY_STATES:
        return LedgerBusyError
    return LedgerUnavailableError if state in _RETRIABLE_STATES or state[:2] in _RETRIABLE_CLASSES else LedgerError


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _place_file(url: URL, create: bool) -> None:
    place = url.database
    if not place or place == ":memory:" or place.startswith("file:"):
        raise LedgerError(f"ledger {url} is not a file; a ledger is durable: use sqlite:///PATH")
    path = Path(place)
    refuse_network_filesystem(path)
    if path.exists():
        return
    if not create:
        raise LedgerError(
            f"there is no ledger {path}; look at its path and its disk, or make one with `raypp site add`"
        )
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its log files the same mode
    except OSError as error:
        raise LedgerError(f"ledger {path} cannot be made: {error.strerror}; name a folder you may write to") from None


def _follow_file(engine: Engine, path: Path, shown: str) -> None:
    """Have connections be of the file that is at the path now, and none make a file that is not there.

    An operator who puts a back-up in a broken file's place moves that away first.
    """

    def connecting(_dialect: object, entry: Any, _arguments: object, _options: object) -> None:
        file = _identity(path)
        if file is None:
            raise LedgerUnavailableError(f"ledger {shown} is not there just now; put its file back")
        if entry is not None:
            entry.info[_FILE] = file

    def about_to_be_used(_connection: object, entry: Any, _proxy: object) -> None:
        if entry.info.get(_FILE) != _identity(path):
            engine.dispose()  # none of the old file stays open beside the new one's log
            raise DisconnectionError  # SQLAlchemy connects anew

    event.listen(engine, "do_connect", connecting)
    event.listen(engine, "checkout", about_to_be_used)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what no other file has while this one is open; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
        f"page_size={_PAGE}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}").fetchall()
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
