"""Where a running fit keeps what it goes on from: encoder and adversaries, which nothing seals until the end."""

import shutil
from pathlib import Path

RUNNING = "running"
"""Folder of the checkpoints, in the fit's own."""
PART = ".part-"
"""Begin of the names of folders in which a worker writes a checkpoint."""


def forget_parts(out: Path) -> None:
    """Delete what a killed worker left of a checkpoint that nobody has taken over."""
    for part in (out / RUNNING).glob(f"{PART}*"):
        shutil.rmtree(part)


def forget_checkpoints(out: Path) -> None:
    """Delete the checkpoints of a finished fit: they hold encoder and adversaries, which nothing seals."""
    if (out / RUNNING).exists():
        shutil.rmtree(out / RUNNING)
