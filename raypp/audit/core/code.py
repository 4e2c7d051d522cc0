"""Which program made a row: the digest of all source that a figure depends on."""

import hashlib
from pathlib import Path

_MAKES_ROWS = (
    "audit/attacks",
    "audit/baselines.py",
    "audit/crowd.py",
    "audit/detector.py",
    "audit/video.py",
    "audit/held.py",
    "audit/material.py",
    "audit/measuring.py",
    "audit/members.py",
    "audit/model.py",
    "audit/program.py",
    "audit/recognition",
    "audit/row.py",
    "audit/running.py",
    "audit/scores.py",
    "audit/suite.py",
    "audit/target.py",
    "audit/team.py",
    "audit/tracks.py",
    "audit/views.py",
    "detect/adapter.py",
    "detect/model.py",
    "detect/public.py",
    "media/obscuring.py",
    "veil",
)
"""Files and folders of the package. How images are read is not among them, since the images have a digest."""


def code_digest(package: Path = Path(__file__).parents[1]) -> str:
    """SHA-256 over names and contents of the source of attacks, baselines, scores and the veil, hex.

    What only shows or judges rows is left out, so that a new layout of the report keeps the rows that are there.
    """
    digest = hashlib.sha256()
    for path in sorted(one for part in _MAKES_ROWS for one in _sources(package / part)):
        for said in (path.relative_to(package).as_posix().encode(), path.read_bytes()):
            digest.update(len(said).to_bytes(8, "big") + said)
    return digest.hexdigest()


def _sources(path: Path) -> list[Path]:
    return list(path.rglob("*.py")) if path.is_dir() else [path]
