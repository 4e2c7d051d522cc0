"""Which ledgers an account has used on this machine: one of them that is missing or empty is away, and not new.

A disk that is not mounted leaves an empty folder, and a database that was made anew, to be restored, is an empty one. A
ledger that was made there would be empty, and all streams new to it.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from raypp.errors import LedgerError
from raypp.io.atomic import write_bytes
from raypp.ledger.database import Database
from raypp.ledger.ledger_url import identity_of, parse_url, sqlite_file, without_password
from raypp.ledger.schema import has_ledger
from raypp.ledger.store import Ledger

logger = logging.getLogger("raypp.ledger")


@dataclass(frozen=True)
class KnownLedgers:
    """Record of an account's ledgers, a small file for each.

    Attributes:
        folder: of the record; it is made when it is needed.
    """

    folder: Path

    @classmethod
    def of_account(cls) -> Self:
        """Return the record of the account that runs this: in `XDG_STATE_HOME`, or else in ~/.local/state."""
        base = Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())
        return cls(base / "raypp" / "ledgers")

    def open(self, url: str, opening: Callable[[], Ledger]) -> Ledger:
        """Open a ledger that may be made where none is, unless it was there before; then remember it.

        Args:
            url: its URL.
            opening: opens it, and makes it where there is none.

        Raises:
            LedgerError: naming the ledger that is away, and what to do; and what `opening` raises.
        """
        entry = self._entry(url)
        if entry.exists() and (away := _away(url)):
            where, remedy = away
            named = without_password(parse_url(url))
            since = entry.read_text(encoding="utf-8").strip()
            raise LedgerError(
                f"ledger {where}, and has been used since {since}; {remedy}; "
                f"only if it is gone for good, make an empty one: `raypp ledger init {named}`"
            )
        ledger = opening()
        self._remember(entry, ledger.database.shown)
        return ledger

    def forget(self, url: str) -> None:
        """Let a ledger be as good as new; raises OSError."""
        self._entry(url).unlink(missing_ok=True)

    def _entry(self, url: str) -> Path:
        path = sqlite_file(url)
        identity = identity_of(url).encode() if path is None else os.fsencode(path)
        return self.folder / hashlib.sha256(identity).hexdigest()[:32]

    def _remember(self, entry: Path, shown: str) -> None:
        if entry.exists():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_bytes(entry, f"{datetime.now(UTC):%Y-%m-%d}\n".encode(), durable=True)
        except OSError as error:
            logger.warning(
                "raypp: that ledger %s is there cannot be remembered in %s (%s): let this account write there, or set "
                "XDG_STATE_HOME; until then, one that is missing or empty counts as new",
                shown,
                self.folder,
                error.strerror,
            )


def _away(url: str) -> tuple[str, str] | None:
    """Return where a ledger that was used is not, and what to do; None where it is there."""
    path = sqlite_file(url)
    if path is not None:
        return None if _size(path) else (f"{path} is away", "mount its disk, or put its back-up there")
    with closing(Database.open(url, create=False)) as database:
        if has_ledger(database):
            return None
        return f"{database.shown} is empty", "restore its back-up there, or name the right database"


def _size(path: Path) -> int:
    """Return how many bytes a file has; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
