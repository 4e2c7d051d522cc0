"""Sizes of files: each fits a reader's head."""

from pathlib import Path
from statistics import median

from tools.allowed_list import Offence
from tools.sources import PYTHON, tracked

MOST_LINES = 350
MOST_MEDIAN = 110


def sizes(root: Path) -> list[Offence]:
    """Return each Python file that is too long, and the package if half of its modules are."""
    found = [
        Offence(path.as_posix(), f"{path}: {lines} lines, at most {MOST_LINES}; give its second noun a file")
        for path in tracked(root, PYTHON, ".py")
        if (lines := _lines(root / path)) > MOST_LINES
    ]
    middle = median(_lines(root / path) for path in tracked(root, ("raypp",), ".py"))
    if middle > MOST_MEDIAN:
        found.append(Offence("raypp", f"raypp: the median module has {middle:.0f} lines, at most {MOST_MEDIAN}"))
    return found


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")
