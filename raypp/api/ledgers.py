"""Functions on ledgers: open."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raypp.reports.tables import LedgerReader


def open_ledger(ledger: str | Path) -> "LedgerReader":
    """Open a ledger to read its episodes and reports as Arrow tables.

    Args:
        ledger: file of a SQLite ledger, or a URL: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME.

    Raises:
        LedgerError: if there is no ledger, or it cannot be opened.
    """
    from raypp.io.filesystem import is_url  # noqa: PLC0415
    from raypp.ledger.ledger_url import sqlite_url  # noqa: PLC0415
    from raypp.ledger.store import Ledger  # noqa: PLC0415
    from raypp.reports.tables import LedgerReader  # noqa: PLC0415

    place = str(ledger)
    return LedgerReader(Ledger.open(place if is_url(place) else sqlite_url(Path(place)), create=False))
