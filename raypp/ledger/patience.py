"""A part of a transaction of PostgreSQL that needs locks which others hold, tried for a second at a time.

Whoever waits for a lock makes all wait who come after. So each try lets go of what it took, and others have their turn.
"""

import logging
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from raypp.errors import LedgerBusyError, LedgerUnavailableError
from raypp.ledger.database import translated
from raypp.ledger.postgres_session import SETTINGS

logger = logging.getLogger("raypp.ledger")

_T = TypeVar("_T")
_LOCK_TIMEOUT = "1s"
_IDLE = SETTINGS["idle_in_transaction_session_timeout"]
_SAID_EVERY_S = 5.0
_PAUSE_S = 0.5
"""Between two tries: those who waited behind the last one have their turn."""
_HOLDER = """
SELECT coalesce(nullif(application_name, ''), 'a client') || ', process ' || pid FROM pg_locks
JOIN pg_stat_activity USING (pid)
WHERE relation IN (SELECT to_regclass(name) FROM unnest(CAST(:tables AS text[])) AS name) AND granted
AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1
"""


def patiently(
    connection: Connection,
    tables: Collection[str],
    work: Callable[[], _T],
    waiting: Callable[[float, str | None], None],
) -> _T:
    """Do a part of a transaction, again and again while others hold what it needs.

    Args:
        connection: within a transaction of PostgreSQL.
        tables: whose holders to name.
        work: takes the locks; all that it does is undone where it cannot have one within a second.
        waiting: is told after each such try how many seconds have gone by since the first one began, and who holds a
            table for longest, if anybody does; raises to give up.
    """
    begin = time.monotonic()
    while True:
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
                return work()
        except DBAPIError as error:
            if not isinstance(translated(error, ""), LedgerBusyError):
                raise
            holder = connection.execute(text(_HOLDER), {"tables": list(tables)}).scalar()
            waiting(time.monotonic() - begin, holder)
        time.sleep(_PAUSE_S)


def giving_up(wait_s: float, thing: str, so_far: str) -> Callable[[float, str | None], None]:
    """Return what `patiently` tells that it waits: raises LedgerUnavailableError after so many seconds.

    Args:
        wait_s: how long to wait.
        thing: that others use.
        so_far: what has become of the work.
    """

    def waiting(waited_s: float, holder: str | None) -> None:
        if waited_s >= wait_s:
            by = f" by {holder}" if holder else ""
            raise LedgerUnavailableError(f"{thing} is in use{by}; {so_far}")

    return waiting


def lock_for_migration(connection: Connection, statements: Collection[str], tables: Collection[str]) -> None:
    """Take the locks of a migration, however long that takes; while others hold one, take none, so that streams go on.

    A line every few seconds names who is waited for. Once it has the locks, a frozen process soon loses them.

    Args:
        connection: within a transaction of PostgreSQL.
        statements: take the locks, in the order in which commits do: a service of an older version may be at work.
        tables: whose holders to name.
    """
    said_s = 0.0

    def lock() -> None:
        for statement in statements:
            connection.execute(text(statement))

    def waiting(waited_s: float, holder: str | None) -> None:
        nonlocal said_s
        if waited_s - said_s >= _SAID_EVERY_S:
            said_s = waited_s
            who = holder or "others"
            logger.warning("raypp: the ledger's migration waits for %s; streams go on: end that, or wait", who)

    patiently(connection, tables, lock, waiting)
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE}'"))
