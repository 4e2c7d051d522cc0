"""Lineage: from a detector down to data, labels, veil, key, fit and certificate, each by digest."""
