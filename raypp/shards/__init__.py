"""Codes and labels <-> Parquet: writing, reading, receipts, manifest, verification."""
