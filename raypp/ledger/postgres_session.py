"""Settings of PostgreSQL that each transaction of a ledger runs with, direct or through a pooler such as PgBouncer.

A pooler in transaction mode gives each transaction another session of the server. So what is set for a session, and
statements that are prepared in it, may be gone, or another client's: there, each transaction sets what it needs.
"""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_TIMEOUT_S = 10
_STATEMENT_TIMEOUT_S = 30
_IDLE_IN_TRANSACTION_S = 15
"""A replica that is frozen within a transaction loses it after this, and its locks with it."""
PATIENT_IDLE = "300s"
"""Likewise a command that folds, packs or copies between two statements of a long transaction."""
SETTINGS = {
    "statement_timeout": f"{_STATEMENT_TIMEOUT_S}s",
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_S}s",
    "synchronous_commit": "on",
    "timezone": "UTC",
}
CONNECT = {
    "connect_timeout": 10,
    "application_name": "raypp",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""No `options` among them: PgBouncer refuses a connection that gives any, or drops them unsaid."""
POOLED = "raypp_pooled"
"""Key of a connection's `info`: whether a pooler stands between it and the server."""


def prepare_postgres(connection: Any, entry: ConnectionPoolEntry) -> None:
    """Set a new connection's session; behind a pooler, have it prepare no statement instead.

    A pooler gives its own number for the process that serves a connection, and the server another.

    Args:
        connection: of psycopg.
        entry: its place in the engine's pool.
    """
    pooled = f"pg_backend_pid() <> {connection.info.backend_pid}"
    connection.autocommit = True  # so that this is one round trip
    entry.info[POOLED] = connection.execute(f"{_settings(local=pooled)}, {pooled}").fetchone()[-1]
    connection.autocommit = False
    if entry.info[POOLED]:
        connection.prepare_threshold = None


def begin_postgres(connection: Connection) -> None:
    """Begin a transaction; behind a pooler, with settings that hold for it alone."""
    if connection.info.get(POOLED):
        connection.exec_driver_sql(_settings(local="true"))


def _settings(*, local: str) -> str:
    """Return the statement that sets the settings; `local`: in SQL, whether for the transaction alone."""
    calls = (f"set_config('{name}', '{value}', {local})" for name, value in SETTINGS.items())
    return f"SELECT {', '.join(calls)}"
