"""How an adversary of a fit looks at codes; this module imports nothing heavy."""

from enum import StrEnum


class AdversaryShape(StrEnum):
    """How a decoder looks at codes; no one shape finds all that another does."""

    FIELD = "field"
    """Four 3x3 convolutions over values as numbers."""
    NAMES = "names"
    """Values as names (one-hot), cell by cell first, then two 3x3 convolutions."""
    PYRAMID = "pyramid"
    """Down to half and a quarter of the grid and up again, for what the surroundings of a cell tell."""
