"""Which ledger files an account has used on this machine: one of them that is missing is away, and not new.

A disk that is not mounted, or a volume that is not there, leaves an empty folder. A file that was made there would be
an empty ledger, to which all streams are new.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from raypp.errors import LedgerError
from raypp.io.atomic import write_bytes
from raypp.ledger.database import sqlite_file
from raypp.ledger.store import Ledger

logger = logging.getLogger("raypp.ledger")


@dataclass(frozen=True)
class KnownLedgers:
    """Record of an account's ledger files, a small file for each; PostgreSQL itself knows whether a database is there.

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
            LedgerError: naming the file that is away, and what to do; and what `opening` raises.
        """
        path = sqlite_file(url)
        if path is not None and not _size(path) and self._entry(path).exists():
            since = self._entry(path).read_text(encoding="utf-8").strip()
            raise LedgerError(
                f"ledger {path} is away, and has been used since {since}; mount its disk, or put its back-up there; "
                f"only if it is gone for good, make an empty one: `raypp ledger init {url}`"
            )
        ledger = opening()
        if path is not None:
            self._remember(path)
        return ledger

    def forget(self, url: str) -> None:
        """Let a ledger's file be as good as new; raises OSError."""
        path = sqlite_file(url)
        if path is not None:
            self._entry(path).unlink(missing_ok=True)

    def _entry(self, path: Path) -> Path:
        return self.folder / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]

    def _remember(self, path: Path) -> None:
        entry = self._entry(path)
        if entry.exists():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_bytes(entry, f"{datetime.now(UTC):%Y-%m-%d}\n".encode(), durable=True)
        except OSError as error:
            logger.warning(
                "raypp: that ledger %s is there cannot be remembered in %s (%s): let this account write there, or set "
                "XDG_STATE_HOME; until then, a missing file counts as new",
                path,
                self.folder,
                error.strerror,
            )


def _size(path: Path) -> int:
    """Return how many bytes a file has; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
