"""Kinds of periods that a camera's frames are cut into."""

from enum import StrEnum


class PeriodKind(StrEnum):
    """Kinds of periods."""

    DAY = "day"
    HOUR = "hour"
    SOURCE = "source"
