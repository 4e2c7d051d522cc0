"""Kinds of encoders of a learned veil; this module imports nothing heavy."""

from enum import StrEnum


class EncoderKind(StrEnum):
    """Kind of the layers that lead from images to the bottleneck of a learned veil."""

    STAGES = "stages"
    """The first stages of a public detector, in floating point: the most accurate."""
    INTEGER = "integer"
    """A short chain of convolutions in whole numbers: a fraction of the time, and the same codes on any processor."""
