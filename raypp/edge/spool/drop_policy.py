"""The operator's choice for a spool that is full."""

from enum import StrEnum


class DropPolicy(StrEnum):
    """Ways to go on when a spool is full: wait for room, or drop the oldest or the newest frames."""

    BLOCK = "block"
    DROP_OLDEST = "drop-oldest"
    DROP_NEWEST = "drop-newest"
