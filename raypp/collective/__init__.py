"""Collective training: owners with different keys train one trunk and head, and none shows an update of its own."""
