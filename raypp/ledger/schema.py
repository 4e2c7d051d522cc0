"""The schema's version: a ledger is brought to it when it is opened, by one opener at a time."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from raypp.errors import LedgerError
from raypp.ledger import device_tables, model_tables, tool_tables  # noqa: F401 - their tables are declared by then
from raypp.ledger.database import Database
from raypp.ledger.partitions import keep_partitions_ahead
from raypp.ledger.patience import lock_for_migration
from raypp.ledger.tables import Base

VERSION_TABLE = "raypp_schema"
_MIGRATIONS = Path(__file__).parent / "migrations"
_READ_AS_THEY_ARE = frozenset(f"{number:04}" for number in range(1, 15))
"""Older schemas that lack nothing that commands which only read ask for: they use such a ledger as it is."""
_LOCKS_FOR_ITSELF = "0009"
"""From this schema on, a step takes no lock but those that it waits for by itself."""
_LOCK = 0x7261797070  # any number that other programs in the same database are unlikely to lock

logger = logging.getLogger("raypp.ledger")


def bring_up(database: Database, now_us: int, *, create: bool, upgrade: bool = False) -> None:
    """Bring a database to this version's schema, with partitions for the time to come; several callers do it once.

    Args:
        database: an open one.
        now_us: processing time.
        create: whether to make or change it; else one that an older raypp made is taken as it is, where that will do.
        upgrade: whether to change one that is there.

    Raises:
        LedgerError: where the schema is of a newer raypp; or, unless `create`, where there is none or it is older.
    """
    _migrate(database, create=create, upgrade=upgrade)
    if create or upgrade:
        keep_partitions_ahead(database, now_us)


def _migrate(database: Database, *, create: bool, upgrade: bool) -> None:
    script = _script()
    head = script.get_current_head()
    with database.read() as connection:
        revision = schema_of(connection)
    if revision == head:
        return
    _refuse_unknown(script, revision, database.shown)
    if not create and not (upgrade and revision is not None):
        if revision in _READ_AS_THEY_ARE:
            return
        state = "is empty" if revision is None else f"has schema {revision}, older than this raypp's {head}"
        raise LedgerError(
            f"ledger {database.shown} {state}; start the service, or run `raypp site add`, to bring it up"
        )
    with database.write(patient=True) as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        revision = schema_of(connection)
        if revision == head:
            return
        _refuse_unknown(script, revision, database.shown)
        if not database.is_sqlite and revision is not None and revision < _LOCKS_FOR_ITSELF:
            _lock_all(connection)
        command.upgrade(migration_config(connection), "head")
    if revision is None and not database.is_sqlite:  # a file that was not there is no surprise
        logger.warning(
            "raypp: the database of ledger %s was empty; it holds a new ledger now, without sites: if it should have "
            "had some, stop, and restore its back-up or name the right database",
            database.shown,
        )


def _lock_all(connection: Connection) -> None:
    """Take the locks of all steps at once: each step by itself would wait for others while it holds up commits."""
    present = set(inspect(connection).get_table_names()) & set(Base.metadata.tables)
    tables = ["streams", *sorted(present - {"streams"})]  # commits lock their stream first
    lock_for_migration(connection, [f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"], tables)


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(migration_config())


def migration_config(connection: Connection | None = None) -> Config:
    """Say to alembic where the versions are, and on which connection to run them."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest_schema() -> str | None:
    """Return the version of the schema that this raypp makes."""
    return _script().get_current_head()


def schema_of(connection: Connection) -> str | None:
    """Return the version of a ledger's schema; None where there is none."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def has_ledger(database: Database) -> bool:
    """Whether a database has a ledger's schema, of whatever version. Raises LedgerError."""
    with database.read() as connection:
        return schema_of(connection) is not None


def _refuse_unknown(script: ScriptDirectory, revision: str | None, shown: str) -> None:
    try:
        if revision is not None:
            script.get_revision(revision)
    except CommandError:
        raise LedgerError(
            f"ledger {shown} has schema {revision}, of a newer raypp than this one; install that version"
        ) from None
