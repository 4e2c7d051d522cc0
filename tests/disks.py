"""Disks that are really full: a file system in memory of a few megabytes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of so many megabytes at `place`; the test is skipped where that is not allowed."""
    if os.getuid() != 0:
        pytest.skip("only root mounts a disk; run as root, in a container that may mount")
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "raypp-test", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here ({done.stderr.strip()}); run in a container that may mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, leave_bytes: int = 0) -> Path:
    """Take all of a disk but a few bytes; returns the file to delete."""
    taken = disk / "taken"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with taken.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - leave_bytes))
    return taken
