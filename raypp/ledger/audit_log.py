"""The audit log: who read and changed what. It only grows: triggers in the database refuse updates and deletions."""

import getpass
from dataclasses import asdict, dataclass

from sqlalchemy import select

from raypp.ledger.ledgers import Ledgers
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import AuditRow
from raypp.ledger.types import COMMAND_LINE


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log.

    Attributes:
        entry: rises by time.
        at_us: when, in microseconds since 1970, processing time.
        who: a principal, as `str(principal)` gives it, or `command_line()`.
        action: such as "report", "episodes", "site add", "forget".
        subject: such as a site, stream or token id.
        detail: anything else.
    """

    entry: int
    at_us: int
    who: str
    action: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class ListedEntry(AuditEntry):
    """One line of the log of one ledger of several.

    Attributes:
        ledger: its name; empty where there is one ledger.
    """

    ledger: str = ""


class AuditLog:
    """The audit log of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def record(self, principal: object, action: str, subject: str, detail: str = "") -> None:
        """Add an entry.

        Args:
            principal: who; a `Principal`, or text. Never a token.
            action: what was done.
            subject: to what.
            detail: anything else, such as counts.
        """
        with self._ledger.database.write() as connection:
            write_audit(connection, self._ledger.clock(), str(principal), action, subject, detail)

    def list(self, *, after: int = 0, since_us: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Entries behind an entry's number, and not before a time, oldest first."""
        query = select(*AuditRow.__table__.columns).where(AuditRow.entry > after)
        if since_us:
            query = query.where(AuditRow.at_us >= since_us)
        with self._ledger.database.read() as connection:
            rows = connection.execute(query.order_by(AuditRow.entry).limit(limit))
            return tuple(AuditEntry(*row) for row in rows)

    def latest(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The latest entries, oldest first."""
        query = select(*AuditRow.__table__.columns).order_by(AuditRow.entry.desc()).limit(limit)
        with self._ledger.database.read() as connection:
            return tuple(AuditEntry(*row) for row in reversed(connection.execute(query).all()))


def entries_of(ledgers: Ledgers, since_us: int | None, limit: int) -> tuple[tuple[ListedEntry, ...], dict[str, str]]:
    """Give the entries of several ledgers, oldest first; numbers of entries are those of each ledger.

    Args:
        ledgers: the ledgers.
        since_us: the first ones from this time on; None: the latest ones.
        limit: at most so many.

    Returns:
        Entries; and by name what is wrong with each ledger whose entries are missing.

    Raises:
        LedgerError: what is wrong with the only one.
    """

    def read(ledger: Ledger) -> tuple[AuditEntry, ...]:
        log = AuditLog(ledger)
        return log.latest(limit) if since_us is None else log.list(since_us=since_us, limit=limit)

    logs, failed = ledgers.each(read)
    entries = [
        ListedEntry(**asdict(entry), ledger="" if ledgers.only else name) for name, log in logs.items() for entry in log
    ]
    entries.sort(key=lambda entry: entry.at_us)
    return tuple(entries[-limit:] if since_us is None else entries[:limit]), failed


def command_line_account() -> str:
    """Who is at the command line: whoever may reach the database, by the name of the account."""
    try:
        return f"{COMMAND_LINE} ({getpass.getuser()})"
    except (KeyError, OSError):  # a container's account without a name
        return COMMAND_LINE
