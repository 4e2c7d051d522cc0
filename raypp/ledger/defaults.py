"""Defaults of work on a ledger; this module imports nothing heavy."""

WAIT_S = 60.0
"""How long forgetting waits for readers that keep what was deleted in SQLite's log, in seconds."""
