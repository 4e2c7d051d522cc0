"""What is attacked: the veil, and baselines beside it."""
