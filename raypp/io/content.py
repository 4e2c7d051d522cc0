"""The content of files: read whole, and refused where it is larger than such a file ever is."""

import os
import stat
from pathlib import Path
from typing import IO

from raypp.errors import ContentError

_PIECE_BYTES = 1 << 20


def read_content(path: Path, most_bytes: int) -> bytes:
    """Read a file whole.

    Args:
        path: the file; a pipe is read to its end.
        most_bytes: bytes that it may have.

    Raises:
        ContentError: if it cannot be read, or is larger; the text says why, for the file's name to be put before it.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            whole = stat.S_ISREG(status.st_mode)
            content = file.read(min(status.st_size, most_bytes) + 1) if whole else _pieces(file, most_bytes + 1)
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise ContentError(f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(content) > most_bytes:
        raise ContentError(f"is larger than {most_bytes:,} bytes, which no such file is")
    return content


def read_text(path: Path, most_bytes: int) -> str:
    """Read a file whole as UTF-8, without a byte order mark; arguments and errors as for `read_content`."""
    return to_text(read_content(path, most_bytes))


def to_text(content: bytes) -> str:
    """Return the text that bytes are in UTF-8, without a byte order mark; raises ContentError if they are none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContentError(f"is no UTF-8 text (byte {error.start})") from None


def _pieces(file: IO[bytes], most: int) -> bytes:
    """Up to so many bytes of a file whose size nobody knows; asked for at once, they would all be reserved."""
    content = bytearray()
    while piece := file.read(min(_PIECE_BYTES, most - len(content))):
        content += piece
    return bytes(content)
