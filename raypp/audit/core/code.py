"""Which program made a row: the digest of all source that a figure depends on."""

import hashlib
from pathlib import Path

MAKES_ROWS = ("audit", "detect", "geometry", "media", "train", "veil")
"""Rooms of the package whose source counts, with all below them."""
SHOWS_ROWS = ("audit/report", "audit/verdict")
"""Rooms within them whose source does not count: they show and judge rows."""


def code_digest(package: Path = Path(__file__).parents[2]) -> str:
    """Compute the SHA-256, in hex, of names and contents of the source that makes rows.

    Rooms count whole, so that a new module counts without being listed. What only shows or judges rows is left out:
    a new layout of the report keeps the rows that are there.

    Args:
        package: folder of the package `raypp`.
    """
    shown = [package / room for room in SHOWS_ROWS]
    sources = {path for room in MAKES_ROWS for path in (package / room).rglob("*.py")}
    digest = hashlib.sha256()
    for path in sorted(sources):
        if not any(path.is_relative_to(room) for room in shown):
            for part in (path.relative_to(package).as_posix().encode(), path.read_bytes()):
                digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
