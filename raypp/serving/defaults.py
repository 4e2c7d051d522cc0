"""Where a service listens, and which variable names its ledger; this module imports nothing heavy."""

LEDGER_VARIABLE = "RAYPP_LEDGER"
LOOPBACK = "127.0.0.1"
"""Interface of this machine alone."""
