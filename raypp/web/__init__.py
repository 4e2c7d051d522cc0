"""The read-only pages of a service."""
