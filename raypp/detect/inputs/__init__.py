"""What detectors are fed: labelled codes out of shards, as tensors."""
