"""Checks of a whole ledger: nothing missing, nothing twice, and all of it as its frames fold."""
