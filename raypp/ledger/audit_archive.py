"""Old entries of the audit log into a file, and then, where that is asked for, out of the ledger."""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, func, select, text

from raypp.errors import LedgerError, OptionError
from raypp.ledger.audit_log import AuditEntry
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import AuditRow
from raypp.ledger.types import COMMAND_LINE
from raypp.text.wording import counted

_AT_A_TIME = 2000
_REFUSAL = "the audit log is append-only"


class Archived(BaseModel):
    """The archived entries: those of before a time, one JSON object a line.

    Attributes:
        entries: how many.
        last: number of the last; 0 without any.
        sha256: of the file, hex.
        deleted: whether they are no longer in the ledger.
    """

    model_config = ConfigDict(frozen=True)
    entries: int
    last: int
    sha256: str
    deleted: bool


def archive(ledger: Ledger, before_us: int, out: Path, *, remove: bool, who: str = COMMAND_LINE) -> Archived:
    """Write entries of before a time into a new file, mode 0600, and delete them where that is asked for.

    What is deleted is on the disk before. The deletion is one transaction, with an entry that tells of it; in it alone
    are the triggers lifted that refuse deletions.

    Args:
        ledger: the ledger.
        before_us: processing time, exclusive.
        out: a file that is not there yet.
        remove: whether to delete them from the ledger.
        who: for the audit log.

    Raises:
        OptionError: if the file exists or cannot be written.
        LedgerError: if the entries changed meanwhile, or the role may not lift the triggers; then none is deleted.
    """
    with _new_file(out) as file:
        try:
            done = _write(ledger, before_us, file)
            os.fsync(file.fileno())
        except BaseException:
            out.unlink()
            raise
    detail = f"{counted(done.entries, 'entry')} up to number {done.last}, SHA-256 {done.sha256}"
    with ledger.database.write(patient=True) as connection:
        if remove and done.entries:
            _delete(connection, before_us, done)
        action = "audit archive" if remove else "audit export"
        write_audit(connection, ledger.clock(), who, action, out.name, detail)
    return done.model_copy(update={"deleted": remove and done.entries > 0})


def _write(ledger: Ledger, before_us: int, file: BinaryIO) -> Archived:
    digest, entries, last = hashlib.sha256(), 0, 0
    columns = select(*AuditRow.__table__.columns).where(AuditRow.at_us < before_us).order_by(AuditRow.entry)
    while True:
        with ledger.database.read() as connection:
            files = [
                AuditEntry(*row) for row in connection.execute(columns.where(AuditRow.entry > last).limit(_AT_A_TIME))
            ]
        for entry in files:
            line = json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            file.write(line)
        entries += len(files)
        last = files[-1].entry if files else last
        if len(files) < _AT_A_TIME:
            file.flush()
            return Archived(entries=entries, last=last, sha256=digest.hexdigest(), deleted=False)


def _delete(connection: Connection, before_us: int, done: Archived) -> None:
    written = (AuditRow.at_us < before_us, AuditRow.entry <= done.last)
    if connection.execute(select(func.count()).select_from(AuditRow).where(*written)).scalar_one() != done.entries:
        raise LedgerError("the audit log was archived by somebody else meanwhile; nothing was deleted, run it again")
    sqlite = connection.dialect.name == "sqlite"
    lift = "DROP TRIGGER audit_refuses_delete" if sqlite else "ALTER TABLE audit DISABLE TRIGGER audit_refuses"
    lower = (
        f"CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        if sqlite
        else "ALTER TABLE audit ENABLE TRIGGER audit_refuses"
    )
    connection.execute(text(lift))
    connection.execute(delete(AuditRow).where(*written))
    connection.execute(text(lower))


def _new_file(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise OptionError(f"`out` {path}: {error.strerror}; name a new file where you may write") from None
