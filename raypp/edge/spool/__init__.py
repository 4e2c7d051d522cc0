"""The spool: what an agent captured and the service has not committed, on disk."""
