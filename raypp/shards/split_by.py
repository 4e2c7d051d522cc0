"""What a split keeps together; this module imports nothing heavy."""

from enum import StrEnum


class SplitBy(StrEnum):
    """Unit that a split keeps together.

    Neighbouring frames of a video are nearly the same image: thrown into both splits at random, they would make a
    detector look better than it is.
    """

    TIME = "time"
    """The last share of each source is val, with a gap before it that is in neither."""
    SOURCE = "source"
    """Whole sources are val, chosen by their pseudonym: the same whatever else the archive holds."""
