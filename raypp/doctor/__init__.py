"""Check the nodes of a Ray cluster: facts of each node, and what they mean together."""
