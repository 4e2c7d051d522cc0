"""A SQLite ledger copied while it is in use: one moment of it, whole or not at all, and checked."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from raypp.errors import LedgerError, OptionError
from raypp.io.atomic import whole_file
from raypp.ledger.schema import schema_of
from raypp.ledger.store import Ledger
from raypp.progress import SILENT, Progress

_PAGES_AT_A_TIME = 4096


class BackedUp(BaseModel):
    """A back-up that was made. `taken_us` is processing time: what was committed later is not in it."""

    model_config = ConfigDict(frozen=True)
    ledger: str
    out: str
    schema_version: str
    taken_us: int
    bytes: int


def back_up(ledger: Ledger, out: Path, progress: Progress = SILENT) -> BackedUp:
    """Copy a SQLite ledger into a new file of mode 0600; streams commit on meanwhile, and readers read.

    Args:
        ledger: the ledger.
        out: the new file; its folder is there.
        progress: is told how far it is.

    Raises:
        OptionError: if the ledger is PostgreSQL, or the file is there or cannot be written.
        LedgerError: if the ledger cannot be read, or its copy is damaged; then there is no file.
    """
    database = ledger.database
    if not database.is_sqlite:
        raise OptionError(
            f"ledger {database.shown} is PostgreSQL; back it up with pg_dump or pg_basebackup, as "
            "docs/how-to/back-up.md says"
        )
    if out.exists():
        raise OptionError(f"{out} is there already; name a new file")
    if not out.parent.is_dir():
        raise OptionError(f"{out.parent} is no folder; make it, or name another place for the back-up")
    try:
        with whole_file(out, private=True, durable=True) as part:
            with database.read() as connection:
                schema = schema_of(connection)  # from here on the transaction sees this moment
                taken_us = ledger.clock()
                source = connection.connection.driver_connection
                if not isinstance(source, sqlite3.Connection):
                    raise LedgerError(f"ledger {database.shown} has no driver that can copy it; use sqlite:///PATH")
                if schema is None:
                    raise LedgerError(f"ledger {database.shown} is empty; there is nothing to back up")
                pages = float(connection.execute(text("PRAGMA page_count")).scalar_one())
                with progress.task("backup", pages) as advance:
                    _copy(source, part, _counting(advance))
            size = part.stat().st_size
    except sqlite3.Error as error:
        raise LedgerError(f"ledger {database.shown} cannot be copied to {out}: {error}; see to their disks") from None
    except OSError as error:
        raise OptionError(f"{out} cannot be written: {error.strerror}; name a place with room") from None
    return BackedUp(ledger=database.shown, out=str(out), schema_version=schema, taken_us=taken_us, bytes=size)


def _copy(source: sqlite3.Connection, part: Path, tell: Callable[[int, int, int], None]) -> None:
    """Copy page by page, within the source's transaction, so that no commit makes it begin anew; check the copy."""
    with closing(sqlite3.connect(part)) as target:
        source.backup(target, pages=_PAGES_AT_A_TIME, progress=tell, sleep=0)
        target.execute("PRAGMA journal_mode=DELETE").fetchall()  # all is in the one file
        lines = [line for (line,) in target.execute("PRAGMA integrity_check")]
    if lines != ["ok"]:
        raise LedgerError(f"the copy is damaged, as the ledger must be: {lines[0]}; run `raypp ledger check`")


def _counting(advance: Callable[[float, str, int], None]) -> Callable[[int, int, int], None]:
    before = 0

    def tell(_status: int, remaining: int, total: int) -> None:
        nonlocal before
        copied = total - remaining
        advance(copied - before, "", 0)
        before = copied

    return tell
