"""The `raypp report` command on a ledger, or on several."""

from raypp.cli.ledger import opened_ledgers
from raypp.cli.report import make_command

report = make_command(opened_ledgers)
"""The `raypp report` command."""
