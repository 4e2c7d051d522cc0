"""Targets of attacks: the veil, and baselines beside it."""
