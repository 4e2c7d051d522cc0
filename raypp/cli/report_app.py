"""The `raypp report` command on a ledger."""

from typing import TYPE_CHECKING

from raypp.cli.report import make_command

if TYPE_CHECKING:
    from raypp.ledger.store import Ledger


def _open(url: str) -> "Ledger":
    from raypp.ledger.store import Ledger

    return Ledger.open(url, create=False)


report = make_command(_open)
"""The `raypp report` command."""
