"""Versions of the ledger's schema, run by `raypp.ledger.schema` when a ledger is opened."""
