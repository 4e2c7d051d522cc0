"""Dataset versions: which shards with which labels, what differs between two, and what a model was trained on."""
