"""Databases made for a measurement: a SQLite file, or a database of a PostgreSQL that is dropped again."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, Self

import psutil
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from raypp.bench.processes import cpu_of, family
from raypp.errors import OptionError
from raypp.text.address import redacted

_SERVER = "postgres"


class MeasuredDatabase(Protocol):
    """A database whose cost can be told.

    Attributes:
        url: of the ledger in it.
    """

    url: str

    def kept_bytes(self) -> int:
        """Return the bytes that tables and indexes take, without what deleted rows left."""

    def log_bytes(self) -> int:
        """Return the bytes of log that were ever written; where two calls stand around a commit, it is theirs."""

    def server_cpu_s(self) -> float | None:
        """Return CPU seconds of the server's processes so far; None where there is none, or it runs elsewhere."""

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""


class SqliteDatabase:
    """A file of SQLite.

    Args:
        path: the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.url, self._path, self._logged = f"sqlite:///{path}", path, 0

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """Give the database of a file."""
        yield cls(path)

    def kept_bytes(self) -> int:
        """Return the bytes of the file without free pages."""
        pages, free, size = (self._pragma(name) for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * size

    def log_bytes(self) -> int:
        """Return the bytes of the log's file, and those of before: it is emptied each time."""
        log = Path(f"{self._path}-wal")
        self._logged += log.stat().st_size if log.exists() else 0
        self._value("PRAGMA wal_checkpoint(TRUNCATE)")
        return self._logged

    def server_cpu_s(self) -> None:
        """Return None: SQLite has no server."""

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        return self._value(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of this module

    def _pragma(self, name: str) -> int:
        return self._value(f"PRAGMA {name}")

    def _value(self, statement: str) -> int:
        with closing(sqlite3.connect(self._path)) as database:
            return int(database.execute(statement).fetchone()[0])


class PostgresDatabase:
    """A database of a PostgreSQL, made for a measurement.

    Args:
        url: of the database.
        connection: to it, which commits each statement by itself.
    """

    def __init__(self, url: URL, connection: Connection) -> None:
        self.url = url.render_as_string(hide_password=False)
        self._connection = connection
        self._server = _server_of(connection)

    def __repr__(self) -> str:
        """Name the database without its password."""
        return f"PostgresDatabase({redacted(self.url)})"

    @classmethod
    @contextmanager
    def opened(cls, address: str) -> Iterator[Self]:
        """Make a database beside that of a URL, and drop it afterwards.

        Raises:
            OptionError: if the URL is none of PostgreSQL's, cannot be reached, or its role may not create databases.
        """
        url, name = _parsed(address), f"raypp_bench_{secrets.token_hex(4)}"
        with _statements(url) as beside:
            _run(beside, f'CREATE DATABASE "{name}"', address)
            try:
                with _statements(url.set(database=name)) as connection:
                    yield cls(url.set(database=name), connection)
            finally:
                _run(beside, f'DROP DATABASE "{name}" WITH (FORCE)', address)

    def kept_bytes(self) -> int:
        """Return the bytes of tables and indexes, packed: what is updated in place of its old self is not counted."""
        self._connection.execute(text("VACUUM FULL"))
        return self._value("SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_stat_user_tables")

    def log_bytes(self) -> int:
        """Return the bytes of the server's log: of all its databases."""
        return self._value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")

    def server_cpu_s(self) -> float | None:
        """Return CPU seconds of all of the server's processes so far; None where it runs elsewhere."""
        if self._server is None:
            return None
        times = self._server.cpu_times()  # of connections that have ended, the server's own process keeps the sum
        return float(times.children_user + times.children_system) + sum(map(cpu_of, family(self._server.pid)))

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        return self._value(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of this module

    def _value(self, statement: str) -> int:
        return int(self._connection.execute(text(statement)).scalar_one())


def _parsed(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "postgresql":
        raise OptionError(
            f"`postgres` {redacted(address)}: no URL of PostgreSQL; give postgresql+psycopg://USER@HOST/DATABASE"
        )
    return url.set(drivername="postgresql+psycopg")


@contextmanager
def _statements(url: URL) -> Iterator[Connection]:
    """A connection that commits each statement by itself; raises OptionError."""
    engine = create_engine(
        url, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args={"connect_timeout": 10}
    )
    try:
        with _opened(engine, url) as connection:
            yield connection
    finally:
        engine.dispose()


def _opened(engine: Any, url: URL) -> Connection:
    try:
        connection: Connection = engine.connect()
    except SQLAlchemyError as error:
        raise OptionError(f"`postgres` {redacted(str(url))} cannot be reached: {_line(error)}") from None
    return connection


def _run(connection: Connection, statement: str, address: str) -> None:
    try:
        connection.execute(text(statement))
    except SQLAlchemyError as error:
        remedy = "give a role that may create databases"
        raise OptionError(f"`postgres` {redacted(address)}: {_line(error)}; {remedy}") from None


def _line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _server_of(connection: Connection) -> psutil.Process | None:
    """Return the server's first process where it runs on this machine: the parent of the connection's own."""
    pid = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    name = str(connection.execute(text("SELECT current_database()")).scalar_one())
    try:
        process = psutil.Process(pid)
        is_ours = process.name().startswith(_SERVER) and name in " ".join(process.cmdline())
        return process.parent() if is_ours else None
    except psutil.Error:
        return None
