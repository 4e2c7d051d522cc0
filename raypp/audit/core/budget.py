"""How much an audit may take."""

from enum import StrEnum


class Budget(StrEnum):
    """How much an audit may take: about three minutes, three hours, or many hours, of one core."""

    QUICK = "quick"
    STANDARD = "standard"
    FULL = "full"
