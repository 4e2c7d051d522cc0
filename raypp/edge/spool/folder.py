"""The folder of a camera's spool: held by one agent at a time, with a folder for each stream epoch."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raypp.edge.spool.stream_spool import StreamSpool
from raypp.errors import SpoolError
from raypp.io.private import FILE_MODE, FOLDER_MODE, private_folder

_LOCK = "lock"


def lock_folder(folder: Path) -> int:
    """Hold a spool's folder, made if need be; return the descriptor that gives it back when closed.

    Raises:
        SpoolError: if another agent holds it, or it cannot be written.
    """
    try:
        private_folder(folder.parent)
        private_folder(folder).chmod(FOLDER_MODE)
        for place in folder.iterdir():
            if place.is_dir():
                place.chmod(FOLDER_MODE)  # older agents left them open
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise SpoolError(f"spool {folder}: {error.strerror}; choose a writable `spool`") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise SpoolError(f"spool {folder} is held by another agent; stop it, or choose another `spool`") from None
    return descriptor


@contextmanager
def disk_of(folder: Path) -> Iterator[None]:
    """Raise SpoolError for what a spool's disk fails at within the block."""
    try:
        yield
    except OSError as error:
        raise SpoolError(f"spool {folder}: {error.strerror}; see to its disk") from None


def open_streams(folder: Path) -> list[StreamSpool]:
    """Open the stream epochs of a spool, the oldest first; one that was never begun is deleted.

    Raises:
        SpoolError: if one is damaged or cannot be read.
    """
    streams = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()):
        stream = StreamSpool.open(place)
        if stream is None:
            shutil.rmtree(place)
        else:
            streams.append(stream)
    return sorted(streams, key=lambda stream: stream.facts.epoch)
