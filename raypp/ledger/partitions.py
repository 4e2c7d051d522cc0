"""Partitions of the table of chunks in PostgreSQL: one for each week of capture time, from Monday in UTC.

Which partition a chunk is in follows from its first frame. A week has its partition before it begins. What lies in no
week's partition is in another one, so that a commit never depends on anybody having made partitions.
"""

import logging
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, text

from raypp.errors import LedgerError
from raypp.ledger.database import Database
from raypp.ledger.tables import DAY_US

logger = logging.getLogger("raypp.ledger")

WEEK_US = 7 * DAY_US
OTHER, BEFORE = "chunks_other", "chunks_before"
"""Partitions of all times that no other has; and of what a ledger had before schema 0010."""
_FIRST_MONDAY_US = 4 * DAY_US
_AHEAD = 4
"""Weeks that have a partition before they begin."""
_BACK = 10 * 53
"""Weeks in the past that get one where there are chunks of them; what is older is by a wrong clock."""
_LOCK = 0x7261797071
"""Number of the advisory lock of a transaction that makes a partition."""
_LOCK_TIMEOUT = "2s"
"""How long to wait for commits under way, while others wait behind."""
_MOST_MOVED = 20_000
"""Chunks of a week that move in the one transaction in which commits wait; see `raypp.ledger.partitioning` for more."""
_AGAIN_S = 3600
"""How long to leave partitions be that could not be made: each try may hold up commits."""
_failed_at: WeakKeyDictionary[Engine, float] = WeakKeyDictionary()
_BOUNDS = re.compile(r"FOR VALUES FROM \((?:MINVALUE|'(-?\d+)')\) TO \('(-?\d+)'\)")


@dataclass(frozen=True)
class Partition:
    """A partition of the table of chunks.

    Attributes:
        name: of its table.
        from_us: event time of the earliest first frame that may be in it; None: no bound.
        to_us: exclusive; None for that of all other times, which has no bounds.
    """

    name: str
    from_us: int | None
    to_us: int | None

    @property
    def is_other(self) -> bool:
        """Whether it is that of all other times."""
        return self.to_us is None

    def covers(self, moment_us: int) -> bool:
        """Whether a chunk that begins at a moment is in it; no moment is of the other one by itself."""
        return self.to_us is not None and (self.from_us or moment_us) <= moment_us < self.to_us

    @property
    def days(self) -> str:
        """Its first and last day in words, such as `2026-10-05 to 2026-10-11`."""
        last = "later" if self.to_us is None else _day(self.to_us - 1)
        return f"up to {last}" if self.from_us is None else f"{_day(self.from_us)} to {last}"


def week_of(moment_us: int) -> int:
    """Return the beginning of a moment's week: Monday, 00:00 UTC."""
    return moment_us - (moment_us - _FIRST_MONDAY_US) % WEEK_US


def list_partitions(connection: Connection, table: str = "chunks") -> list[Partition]:
    """List the partitions of a table by time, that of other times last. PostgreSQL alone has any."""
    query = text(
        "SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits "
        "JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass(:table) AND relispartition"
    )
    partitions = []
    for name, bounds in connection.execute(query, {"table": table}):
        match = _BOUNDS.fullmatch(bounds)
        from_us, to_us = (None if bound is None else int(bound) for bound in match.groups()) if match else (None, None)
        partitions.append(Partition(name, from_us, to_us))
    return sorted(partitions, key=lambda some: (some.is_other, some.to_us or 0))


def make_partitions(database: Database, now_us: int, weeks: Collection[int] = ()) -> int:
    """Make the partitions that are missing: of this week and the next four, and of weeks that chunks wait for.

    Chunks of a week that has none are in the other partition; they move to the one that is made. Each is made in a
    transaction of its own, in which commits wait. Several callers at once do it once.

    Args:
        database: of a ledger; SQLite has no partitions.
        now_us: processing time.
        weeks: beginnings of further weeks, as `week_of` gives them.

    Returns:
        How many were made.

    Raises:
        LedgerUnavailableError: if commits or readers held it up, or another caller does it; try again later.
        LedgerError: if the role does not own the tables, or a week has more chunks than may move while commits wait.
            Weeks to come are made first, and the other ones in any case.
    """
    if database.is_sqlite:
        return 0
    number = 0
    with database.read() as connection:
        missing = missing_weeks(connection, now_us, weeks)
        big = [week_us for week_us in missing if _is_big(connection, week_us)]
    for week_us in missing:
        if week_us not in big:
            with database.write() as connection:
                number += _make(connection, week_us)
    if big:
        names = ", ".join(partition_name(week_us) for week_us in big)
        raise LedgerError(
            f"{names}: more than {_MOST_MOVED:,} chunks of the week lie in {OTHER}; run `raypp ledger partition`"
        )
    return number


def hold_partitions(connection: Connection) -> None:
    """Let nobody else make or drop a partition until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def keep_partitions_ahead(database: Database, now_us: int, weeks: Collection[int] = ()) -> None:
    """Make partitions as `make_partitions` does; where that fails, log it, and leave them be for an hour.

    Nothing is lost then: chunks go to the other partition, and move when their week's one is made.

    Args:
        database: of a ledger.
        now_us: processing time.
        weeks: further ones; where there are any, it is tried in any case.
    """
    failed_at = _failed_at.get(database.engine)
    if not weeks and failed_at is not None and time.monotonic() - failed_at < _AGAIN_S:
        return
    try:
        make_partitions(database, now_us, weeks)
    except LedgerError as error:
        _failed_at[database.engine] = time.monotonic()
        logger.warning(
            "partitions of `chunks` could not be made (%s); frames are kept in %s meanwhile, and the next try is in an "
            "hour. The role of a service must own the tables",
            error,
            OTHER,
        )
    else:
        _failed_at.pop(database.engine, None)


def missing_weeks(connection: Connection, now_us: int, weeks: Collection[int] = ()) -> list[int]:
    """List the beginnings of weeks that ought to have a partition, and have none: those to come first."""
    present = list_partitions(connection)
    if not present:  # of an older schema
        return []
    this = week_of(now_us)
    oldest, end = this - _BACK * WEEK_US, this + (_AHEAD + 1) * WEEK_US
    number = f"(first_us - {_FIRST_MONDAY_US}) / {WEEK_US}"
    rows = f"{OTHER} WHERE first_us >= :oldest AND first_us < :end"
    waiting = text(f"SELECT DISTINCT {number} FROM {rows}")  # noqa: S608
    numbers = connection.execute(waiting, {"oldest": oldest, "end": end}).scalars()
    wanted = {*range(this, end, WEEK_US), *(_FIRST_MONDAY_US + some * WEEK_US for some in numbers)}
    wanted |= {week for week in weeks if oldest <= week < end}
    ordered = sorted(wanted, key=lambda week: (week < this, week))  # the past may have much to move
    return [week for week in ordered if not any(partition.covers(week) for partition in present)]


def _is_big(connection: Connection, week_us: int) -> bool:
    """Whether a week has more chunks in the other partition than may move at once."""
    between = f"first_us >= {week_us} AND first_us < {week_us + WEEK_US}"
    query = f"SELECT 1 FROM {OTHER} WHERE {between} OFFSET {_MOST_MOVED} LIMIT 1"  # noqa: S608
    return connection.execute(text(query)).first() is not None


def _make(connection: Connection, week_us: int) -> bool:
    """Make a week's partition, unless somebody has; its chunks that are in the other one move to it."""
    hold_partitions(connection)
    if any(partition.covers(week_us) for partition in list_partitions(connection)):
        return False
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
    # In the order in which commits lock them: else each of the two might wait for the other.
    connection.execute(text("LOCK TABLE streams IN SHARE ROW EXCLUSIVE MODE"))
    connection.execute(text(f"LOCK TABLE {OTHER} IN ACCESS EXCLUSIVE MODE"))
    name, end_us = partition_name(week_us), week_us + WEEK_US
    connection.execute(text(f"CREATE TABLE {name} (LIKE chunks)"))
    gone = f"DELETE FROM {OTHER} WHERE first_us >= {week_us} AND first_us < {end_us} RETURNING *"  # noqa: S608
    connection.execute(text(f"WITH gone AS ({gone}) INSERT INTO {name} SELECT * FROM gone"))  # noqa: S608
    connection.execute(text(f"ALTER TABLE {name} ADD PRIMARY KEY (stream_id, sequence)"))
    connection.execute(text(f"ALTER TABLE chunks ATTACH PARTITION {name} FOR VALUES FROM ({week_us}) TO ({end_us})"))
    return True


def partition_name(week_us: int) -> str:
    """Return the name of the partition of a week, by its beginning."""
    return f"chunks_{_day(week_us).replace('-', '')}"


def _day(moment_us: int) -> str:
    return f"{datetime.fromtimestamp(moment_us / 1e6, UTC):%Y-%m-%d}"
