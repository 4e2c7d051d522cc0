"""Zip archives that somebody else made, in memory."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from raypp.errors import OptionError

UNREADABLE_ZIP = (
    zipfile.BadZipFile,
    zlib.error,  # damaged within a compressed file
    EOFError,  # cut short there
    RuntimeError,  # encrypted, or of a version or method that zipfile does not implement
    ValueError,  # an offset before the start, or a name that is no text
)
"""Errors of zipfile for bytes that are no archive, or a damaged one of stored and deflated files."""


@contextmanager
def opened_zip(content: bytes, fault: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive for reading within the block.

    Args:
        content: its bytes.
        fault: the message where they cannot be read.

    Raises:
        OptionError: with that message.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield archive
    except UNREADABLE_ZIP:
        raise OptionError(fault) from None
