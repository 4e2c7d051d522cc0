"""The `raypp report` command on a ledger."""

from raypp.ledger.store import Ledger
from raypp.report.command import make_command


def _open(url: str) -> Ledger:
    return Ledger.open(url, create=False)


report = make_command(_open)
"""The `raypp report` command."""
