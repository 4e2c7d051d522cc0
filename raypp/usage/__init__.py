"""Detections to usage of tools: which, where, in what order, for how long, and what was not seen."""
