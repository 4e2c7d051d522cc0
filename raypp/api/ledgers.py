"""Functions on ledgers: open."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raypp.reports.tables import LedgerReader


def open_ledger(url: str) -> "LedgerReader":
    """Open a ledger to read its episodes and reports as Arrow tables.

    Args:
        url: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME.

    Raises:
        LedgerError: if there is no ledger, or it cannot be opened.
    """
    from raypp.ledger.store import Ledger  # noqa: PLC0415
    from raypp.reports.tables import LedgerReader  # noqa: PLC0415

    return LedgerReader(Ledger.open(url, create=False))
