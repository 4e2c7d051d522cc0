"""Inputs of detectors: labelled codes out of shards, as tensors."""
