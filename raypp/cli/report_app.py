"""The `raypp report` command on a ledger."""

from raypp.cli.report import make_command
from raypp.ledger.store import Ledger


def _open(url: str) -> Ledger:
    return Ledger.open(url, create=False)


report = make_command(_open)
"""The `raypp report` command."""
