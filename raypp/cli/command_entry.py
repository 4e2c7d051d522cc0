"""An entry in the table of commands: whose a command is, where it is, and what it needs."""

from dataclasses import dataclass
from enum import StrEnum


class Reader(StrEnum):
    """Whose commands stand together in `raypp --help`."""

    OWNER = "Owner of the video"
    ENGINEER = "Data engineer"
    ML_TEAM = "ML team"
    SITE = "Site"
    OPERATOR = "Operator"


@dataclass(frozen=True)
class CommandEntry:
    """One command, or a group of them.

    Attributes:
        reader: whose it is.
        summary: what it does, in one line.
        target: "module:name" of a function or a group.
        needs: packages that its work needs.
        resumes: whether the same command goes on where it was stopped.
    """

    reader: Reader
    summary: str
    target: str
    needs: tuple[str, ...] = ()
    resumes: bool = False
