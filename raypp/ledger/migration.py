"""A ledger brought to this raypp's schema; or a copy of it, to see how long that takes and that nothing is lost."""

import shutil
import tempfile
from pathlib import Path
from time import perf_counter

from pydantic import BaseModel, ConfigDict
from sqlalchemy import MetaData, Table, func, inspect, select

from raypp.errors import LedgerError, OptionError
from raypp.ledger.backup import back_up
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.database import Database
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.schema import VERSION_TABLE, newest_schema, schema_of
from raypp.ledger.store import Ledger
from raypp.progress import SILENT, Progress

_PACKED = {"frames", "chunks"}
"""A schema may keep frames in either: they are compared as a sum."""
_ROOM = 3
"""A copy, its log while it is migrated, and what it may grow by, in sizes of the ledger."""
_ELSEWHERE = (
    "copy it with `createdb -T template0 rehearsal` and `pg_dump -Fc NAME | pg_restore -d rehearsal`, then migrate that"
)


class Migrated(BaseModel):
    """A migration, or its rehearsal on a copy.

    `lost` has a line on each table whose rows are not those of before, `problems` what `raypp ledger check` says of
    the copy afterwards. Times are seconds. A migration itself is not checked: both are empty then, and the rest is 0.
    """

    model_config = ConfigDict(frozen=True)
    ledger: str
    rehearsed: bool
    from_schema: str
    to_schema: str
    migrated_s: float
    copied_s: float = 0
    checked_s: float = 0
    bytes_before: int = 0
    bytes_after: int = 0
    rows: dict[str, int] = {}
    lost: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class LedgersMigrated(BaseModel):
    """Migrations of several ledgers by name, and what is wrong with those that could not be migrated."""

    model_config = ConfigDict(frozen=True)
    ledgers: dict[str, Migrated]
    failed: dict[str, str]


def migrate_all(named: LedgerList) -> LedgersMigrated:
    """Bring each of several ledgers to this raypp's schema, also where another one cannot be; see `migrate`."""
    migrated: dict[str, Migrated] = {}
    failed: dict[str, str] = {}
    for name, url in named.urls.items():
        try:
            migrated[name] = migrate(url)
        except LedgerError as error:
            failed[name] = str(error)
    return LedgersMigrated(ledgers=migrated, failed=failed)


def migrate(url: str) -> Migrated:
    """Bring a ledger to this raypp's schema, in one transaction: all of it or nothing.

    Args:
        url: the ledger; one that is up to date stays as it is.

    Raises:
        LedgerError: if there is none, it is of a newer raypp, or cannot be written.
    """
    database = Database.open(url, create=False)
    try:
        shown, before = database.shown, _schema(database)
    finally:
        database.close()
    begin = perf_counter()
    with Ledger.open(url, create=False, upgrade=True):
        took_s = perf_counter() - begin
    return Migrated(
        ledger=shown, rehearsed=False, from_schema=before, to_schema=newest_schema() or "", migrated_s=took_s
    )


def rehearse(ledger: Ledger, folder: Path | None = None, progress: Progress = SILENT) -> Migrated:
    """Migrate a copy of a SQLite ledger, compare its rows with those of before, check it, and delete it.

    The ledger itself may be in use, and nothing of it changes.

    Args:
        ledger: as it is.
        folder: where the copy is for a while; None: beside the ledger.
        progress: is told how far it is.

    Raises:
        OptionError: if the ledger is PostgreSQL, or the folder has no room.
        LedgerError: if it cannot be read, copied or migrated.
    """
    database = ledger.database
    if not database.is_sqlite:
        raise OptionError(f"ledger {database.shown} is PostgreSQL; {_ELSEWHERE}")
    source = Path(str(database.engine.url.database))
    place = folder or source.parent
    if not place.is_dir():
        raise OptionError(f"`folder` {place} is no folder; make it, or name another")
    need, free = _ROOM * source.stat().st_size, shutil.disk_usage(place).free
    if free < need:
        raise OptionError(
            f"a rehearsal takes up to {need / 1e6:,.0f} MB in {place}, where {free / 1e6:,.0f} MB are free; name a "
            "`folder` with room"
        )
    with tempfile.TemporaryDirectory(prefix=".raypp-rehearsal-", dir=place) as scratch:
        copy = Path(scratch, "copy.db")
        begin = perf_counter()
        copied = back_up(ledger, copy, progress)
        copied_s = perf_counter() - begin
        before, from_schema = _counted(sqlite_url(copy))
        done = migrate(sqlite_url(copy))
        after, _ = _counted(sqlite_url(copy))
        begin = perf_counter()
        with Ledger.open(sqlite_url(copy), create=False) as migrated:
            problems = check_ledger(migrated, progress=progress).problems
        return Migrated(
            ledger=database.shown,
            rehearsed=True,
            from_schema=from_schema,
            to_schema=done.to_schema,
            migrated_s=done.migrated_s,
            copied_s=copied_s,
            checked_s=perf_counter() - begin,
            bytes_before=copied.bytes,
            bytes_after=sum(path.stat().st_size for path in copy.parent.iterdir()),
            rows=after,
            lost=tuple(_differences(before, after)),
            problems=problems,
        )


def _schema(database: Database) -> str:
    with database.read() as connection:
        schema = schema_of(connection)
    if schema is None:
        raise LedgerError(f"ledger {database.shown} is empty; there is nothing to migrate")
    return schema


def _counted(url: str) -> tuple[dict[str, int], str]:
    """Count the rows of each table, and frames in whichever way they are kept; with the schema."""
    database = Database.open(url, create=False)
    try:
        with database.read() as connection:
            counts = {}
            for name in sorted(set(inspect(connection).get_table_names()) - {VERSION_TABLE} - _PACKED):
                table = Table(name, MetaData(), autoload_with=connection)
                counts[name] = int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            counts["frames"] = 0
            for name in sorted(_PACKED & set(inspect(connection).get_table_names())):
                table = Table(name, MetaData(), autoload_with=connection)
                number = func.coalesce(func.sum(table.c.frames), 0) if name == "chunks" else func.count()
                counts["frames"] += int(connection.execute(select(number).select_from(table)).scalar_one())
        return counts, _schema(database)
    finally:
        database.close()


def _differences(before: dict[str, int], after: dict[str, int]) -> list[str]:
    return [
        f"{name}: {number:,} before, {after.get(name, 0):,} after"
        for name, number in before.items()
        if after.get(name, 0) != number
    ]
