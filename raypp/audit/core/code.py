"""The digest of the program that makes rows."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

_MAKES_ROWS = (
    "audit/attacks",
    "audit/core",
    "audit/footage",
    "audit/metrics",
    "audit/recognition",
    "audit/suite",
    "audit/targets",
    "audit/tasks.py",
    "detect",
    "media/obfuscation.py",
    "veil",
)
"""Packages and files. How images are read is not among them, since the images have a digest of their own."""


def code_digest(package: Path = Path(__file__).parents[2]) -> str:
    """Return the SHA-256 over names and contents of the source of attacks, scores, detector and veil, as hex.

    Source that only shows or judges rows is left out, so that a new layout of the report keeps finished rows.

    Args:
        package: folder of the package `raypp`.
    """
    digest = hashlib.sha256()
    for path in sorted(source for part in _MAKES_ROWS for source in _sources(package / part)):
        for content in (path.relative_to(package).as_posix().encode(), path.read_bytes()):
            digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _sources(path: Path) -> Iterator[Path]:
    """Yield the Python files of a package, or a file itself."""
    yield from path.rglob("*.py") if path.is_dir() else (path,)
