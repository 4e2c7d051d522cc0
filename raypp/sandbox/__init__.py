"""A sandbox for programs of strangers: no network, no files but those given, no other process, a certain end."""
