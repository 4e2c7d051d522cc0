"""The rules by which a run is refused: their number is all that a researcher sees of it."""

from enum import IntEnum


class Rule(IntEnum):
    """Name a rule that a run has broken."""

    ENDED_BADLY = 1
    FILES = 2
    FORM = 3
    ROWS = 4
    VALUES = 5


WORDS = {
    Rule.ENDED_BADLY: "the tool failed, or was stopped at its deadline or a limit",
    Rule.FILES: "a declared file is missing, is a link or no plain file, is too large, or another file is there",
    Rule.FORM: "a file is no table with the declared columns",
    Rule.ROWS: "a table has more rows than declared",
    Rule.VALUES: "a value is no number of its range, or none of its choices or names",
}
"""What each rule asks for."""
