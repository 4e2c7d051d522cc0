"""Chunks that lie in no week's partition get partitions by weeks, some at a time, while streams go on; in PostgreSQL.

`raypp.ledger.partitions` moves a week's chunks in one transaction, in which commits wait. Where that would take long,
this copies all of the other partition into new tables, a batch in a transaction. A trigger notes what changes there
meanwhile, which is copied again. At last one short transaction lets the new tables take the old one's place. Nothing
of the ledger is another before that, so a command that was killed goes on when it is run again.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, text

from raypp.errors import LedgerError
from raypp.ledger.database import Database
from raypp.ledger.defaults import WAIT_S
from raypp.ledger.partitions import (
    OTHER,
    WEEK_US,
    hold_partitions,
    list_partitions,
    missing_weeks,
    partition_name,
)
from raypp.ledger.patience import giving_up, patiently
from raypp.ledger.postgres_session import SETTINGS
from raypp.ledger.store import Ledger
from raypp.progress import SILENT, Progress

_NEW, _CHANGED, _COPIED = "chunks_new", "chunks_changed", "chunks_copied"
"""Tables while it is under way: the copy, keys of what has changed since, and up to where the copy is."""
_AT_A_TIME = 5000
_LAST_FEW = 500
"""So many changed chunks are left for the transaction in which commits wait."""
_IDLE = SETTINGS["idle_in_transaction_session_timeout"]
_GO_ON = "the ledger is as it was: run the same command again later, and it goes on"
_NOTE = f"""
CREATE FUNCTION {_CHANGED}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN INSERT INTO {_CHANGED} VALUES (OLD.stream_id, OLD.sequence); END IF;
    IF TG_OP <> 'DELETE' THEN INSERT INTO {_CHANGED} VALUES (NEW.stream_id, NEW.sequence); END IF;
    RETURN NULL;
END $$
"""  # noqa: S608 - names of ours
_KEYS = "unnest(CAST(:streams AS bigint[]), CAST(:sequences AS bigint[])) AS keys (stream_id, sequence)"


class Partitioned(BaseModel):
    """Partitions that were made of the other one: their names, and how many chunks moved there and stayed."""

    model_config = ConfigDict(frozen=True)
    ledger: str
    partitions: tuple[str, ...] = ()
    moved: int = 0
    left: int = 0


class Partitioning(BaseModel):
    """Counts of what was partitioned of each of some ledgers; and by name what is wrong with the others."""

    model_config = ConfigDict(frozen=True)
    ledgers: tuple[Partitioned, ...]
    failed: dict[str, str] = {}


@dataclass(frozen=True)
class _Week:
    """A week that gets a partition, and the table that is to be it."""

    from_us: int

    @property
    def to_us(self) -> int:
        return self.from_us + WEEK_US

    @property
    def name(self) -> str:
        return partition_name(self.from_us)

    @property
    def new(self) -> str:
        return self.name.replace("chunks", _NEW)


def partition_other(ledger: Ledger, *, wait_s: float = WAIT_S, progress: Progress = SILENT) -> Partitioned:
    """Give each week that has chunks in the other partition one of its own; streams go on meanwhile.

    It takes as much room again as the other partition has, for as long as it runs.

    Args:
        ledger: SQLite has no partitions, and nothing is done.
        wait_s: how long to wait for those who read or write the other partition, before and after it is copied.
        progress: is told how many chunks are copied.

    Raises:
        LedgerUnavailableError: if others use it for all that time. Run it again: it goes on.
        LedgerError: if the role does not own the tables, or the ledger's schema is older than partitions.
    """
    database = ledger.database
    if database.is_sqlite:
        return Partitioned(ledger=database.shown)
    with database.read(patient=True) as connection:
        if not list_partitions(connection):
            raise LedgerError(f"ledger {database.shown} has no partitions yet; run `raypp ledger migrate` first")
        if not _is_under_way(connection) and not _waiting_weeks(connection, ledger.clock()):
            return Partitioned(ledger=database.shown, left=_count(connection, OTHER))
        total = _count(connection, OTHER)
    _prepare(database, ledger.clock(), wait_s)
    with progress.task("partition", total) as advance:
        while copied := _copy_batch(database):
            advance(copied, "", 0)
    names = None
    while names is None:
        while _copy_changed_batch(database) > _LAST_FEW:
            pass
        names = _put_in_place(database, wait_s)
    with database.read(patient=True) as connection:
        moved, left = sum(_count(connection, name) for name in names), _count(connection, OTHER)
    return Partitioned(ledger=database.shown, partitions=names, moved=moved, left=left)


def _is_under_way(connection: Connection) -> bool:
    return connection.execute(text(f"SELECT to_regclass('{_NEW}')")).scalar() is not None


def _waiting_weeks(connection: Connection, now_us: int) -> list[_Week]:
    """List the weeks that have chunks in the other partition, and ought to have one."""
    weeks = [_Week(week_us) for week_us in sorted(missing_weeks(connection, now_us))]
    some = f"SELECT 1 FROM {OTHER} WHERE first_us >= :from_us AND first_us < :to_us LIMIT 1"  # noqa: S608
    bounds = [(week, {"from_us": week.from_us, "to_us": week.to_us}) for week in weeks]
    return [week for week, between in bounds if connection.execute(text(some), between).first()]


def _prepare(database: Database, now_us: int, wait_s: float) -> None:
    """Make the new tables, and note from now on what changes in the other partition; once, whoever was killed since."""
    with database.write(patient=True) as connection:
        _hold(connection)
        if _is_under_way(connection):
            return
        weeks = _waiting_weeks(connection, now_us)
        _run(connection, f"CREATE TABLE {_CHANGED} (stream_id bigint NOT NULL, sequence bigint NOT NULL)")
        _run(connection, f"CREATE TABLE {_COPIED} (stream_id bigint NOT NULL, sequence bigint NOT NULL, whole boolean)")
        _run(connection, f"INSERT INTO {_COPIED} VALUES (-1, -1, false)")  # noqa: S608
        _run(connection, f"CREATE TABLE {_NEW} (LIKE chunks INCLUDING INDEXES) PARTITION BY RANGE (first_us)")
        _run(connection, f"CREATE TABLE {_NEW}_other PARTITION OF {_NEW} DEFAULT")
        _run(connection, f"ALTER TABLE {_NEW}_other ADD PRIMARY KEY (stream_id, sequence)")
        for week in weeks:
            bounds = f"FROM ({week.from_us}) TO ({week.to_us})"
            _run(connection, f"CREATE TABLE {week.new} PARTITION OF {_NEW} FOR VALUES {bounds}")
            _run(connection, f"ALTER TABLE {week.new} ADD PRIMARY KEY (stream_id, sequence)")
            within = f"CHECK (first_us IS NOT NULL AND first_us >= {week.from_us} AND first_us < {week.to_us})"
            _run(connection, f"ALTER TABLE {week.new} ADD CONSTRAINT {week.new}_week {within}")
        _run(connection, _NOTE)
        trigger = (
            f"CREATE TRIGGER {_CHANGED} AFTER INSERT OR UPDATE OR DELETE ON {OTHER} "
            f"FOR EACH ROW EXECUTE FUNCTION {_CHANGED}()"
        )
        patiently(
            connection,
            (OTHER,),
            lambda: _run(connection, trigger),
            giving_up(wait_s, f"{OTHER} of ledger {database.shown}", _GO_ON),
        )


def _copy_batch(database: Database) -> int:
    """Copy the next chunks by their keys; return how many it were, 0 once all are copied."""
    with database.write(patient=True) as connection:
        _hold(connection)
        if not _is_under_way(connection):  # another command has ended it
            return 0
        at = connection.execute(text(f"SELECT * FROM {_COPIED}")).one()  # noqa: S608
        if at.whole:
            return 0
        behind = "(stream_id, sequence) > (:stream_id, :sequence)"
        last = f"SELECT stream_id, sequence FROM {OTHER} WHERE {behind} ORDER BY 1, 2 OFFSET :more LIMIT 1"  # noqa: S608
        after = {"stream_id": at.stream_id, "sequence": at.sequence}
        end = connection.execute(text(last), after | {"more": _AT_A_TIME - 1}).one_or_none()
        values = dict(after)
        if end is not None:
            behind += " AND (stream_id, sequence) <= (:last_id, :last_sequence)"
            values |= {"last_id": end.stream_id, "last_sequence": end.sequence}
        copy = f"INSERT INTO {_NEW} SELECT * FROM {OTHER} WHERE {behind} ON CONFLICT DO NOTHING"  # noqa: S608
        copied = int(connection.execute(text(copy), values).rowcount)
        reached = {"stream_id": end.stream_id, "sequence": end.sequence, "whole": False} if end else {"whole": True}
        named = ", ".join(f"{name} = :{name}" for name in reached)
        connection.execute(text(f"UPDATE {_COPIED} SET {named}"), reached)  # noqa: S608
        return max(copied, 1) if end is not None else copied


def _copy_changed_batch(database: Database) -> int:
    with database.write(patient=True) as connection:
        _hold(connection)
        return _copy_changed(connection, _AT_A_TIME) if _is_under_way(connection) else 0


def _copy_changed(connection: Connection, most: int) -> int:
    """Copy chunks again that have changed since; return how many changes it were."""
    some = f"SELECT ctid FROM {_CHANGED} LIMIT :most"  # noqa: S608
    taken = text(f"DELETE FROM {_CHANGED} WHERE ctid IN ({some}) RETURNING stream_id, sequence")  # noqa: S608
    rows = connection.execute(taken, {"most": most}).all()
    keys = sorted({(row.stream_id, row.sequence) for row in rows})
    if keys:
        values = {"streams": [stream_id for stream_id, _ in keys], "sequences": [sequence for _, sequence in keys]}
        same = "rows.stream_id = keys.stream_id AND rows.sequence = keys.sequence"
        connection.execute(text(f"DELETE FROM {_NEW} AS rows USING {_KEYS} WHERE {same}"), values)  # noqa: S608
        again = f"INSERT INTO {_NEW} SELECT rows.* FROM {OTHER} AS rows JOIN {_KEYS} ON {same}"  # noqa: S608
        connection.execute(text(again), values)
    return len(rows)


def _put_in_place(database: Database, wait_s: float) -> tuple[str, ...] | None:
    """Let the new tables be partitions, and drop the old one; return their names, or None: much has changed again."""
    with database.write(patient=True) as connection:
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE}'"))
        _hold(connection)
        if not _is_under_way(connection):
            return ()
        return patiently(
            connection,
            ("chunks", OTHER),
            lambda: _swap(connection),
            giving_up(wait_s, f"{OTHER} of ledger {database.shown}", _GO_ON),
        )


def _swap(connection: Connection) -> tuple[str, ...] | None:
    # In the order in which commits lock them: else each of the two might wait for the other.
    _run(connection, "LOCK TABLE streams IN SHARE ROW EXCLUSIVE MODE")
    _run(connection, "LOCK TABLE ONLY chunks IN ACCESS EXCLUSIVE MODE")
    _run(connection, f"LOCK TABLE {OTHER} IN ACCESS EXCLUSIVE MODE")
    if _copy_changed(connection, _AT_A_TIME) == _AT_A_TIME:
        return None
    weeks = [_Week(partition.from_us) for partition in list_partitions(connection, _NEW) if partition.from_us]
    present = list_partitions(connection)
    _run(connection, f"ALTER TABLE chunks DETACH PARTITION {OTHER}")
    _run(connection, f"DROP TABLE {OTHER}")
    names = []
    for week in weeks:
        _run(connection, f"ALTER TABLE {_NEW} DETACH PARTITION {week.new}")
        if any(partition.covers(week.from_us) for partition in present):  # a service has made one, and moved all there
            _run(connection, f"DROP TABLE {week.new}")
            continue
        _run(connection, f"ALTER TABLE {week.new} RENAME TO {week.name}")
        bounds = f"FROM ({week.from_us}) TO ({week.to_us})"
        _run(connection, f"ALTER TABLE chunks ATTACH PARTITION {week.name} FOR VALUES {bounds}")
        _run(connection, f"ALTER TABLE {week.name} DROP CONSTRAINT {week.new}_week")
        names.append(week.name)
    _run(connection, f"ALTER TABLE {_NEW} DETACH PARTITION {_NEW}_other")
    _run(connection, f"ALTER TABLE {_NEW}_other RENAME TO {OTHER}")
    _run(connection, f"ALTER TABLE chunks ATTACH PARTITION {OTHER} DEFAULT")
    for table in (_NEW, _CHANGED, _COPIED):
        _run(connection, f"DROP TABLE {table}")
    _run(connection, f"DROP FUNCTION {_CHANGED}()")
    return tuple(names)


def _hold(connection: Connection) -> None:
    """Let no service make a partition meanwhile, however long one that tries to takes to give up."""
    _run(connection, "SET LOCAL lock_timeout = 0")
    hold_partitions(connection)


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))
