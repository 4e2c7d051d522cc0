"""A part of a transaction of PostgreSQL that needs locks which others hold, tried for a second at a time.

Whoever waits for a lock makes all wait who come after. So each try lets go of what it took, and others have their turn.
"""

import time
from collections.abc import Callable, Collection
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from raypp.errors import LedgerBusyError
from raypp.ledger.database import translated

_T = TypeVar("_T")
_LOCK_TIMEOUT = "1s"
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
