"""Opening and listing sources: local paths, and URLs read by the ranges asked for and no more."""

import io
import os
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import fs

from raypp.errors import MediaError
from raypp.filesystem import filesystem_of, is_url


class Listed(NamedTuple):
    """One listed file: its URL, size in bytes, and time of change in nanoseconds where known."""

    url: str
    size: int
    mtime_ns: int | None


class SourceStream(io.RawIOBase):
    """A seekable source that counts the bytes read from it.

    Attributes:
        size: bytes in all.
        bytes_read: bytes read so far.
    """

    def __init__(self, file: Any, size: int) -> None:
        super().__init__()
        self._file = file
        self.size = size
        self.bytes_read = 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can seek: yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes from the present position, all of the rest if negative."""
        try:
            data: bytes = self._file.read(size) if size >= 0 else self._file.read()
        except (OSError, pa.ArrowException) as error:
            raise OSError(f"read failed: {_first_line(error)}") from None
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position; returns it."""
        if whence == os.SEEK_CUR:
            offset += self._file.tell()
        elif whence == os.SEEK_END:
            offset += self.size
        self._file.seek(offset)
        return offset

    def tell(self) -> int:
        """Return the present position."""
        position: int = self._file.tell()
        return position

    def close(self) -> None:
        """Close the source."""
        if not self.closed:
            self._file.close()
        super().close()


def open_source(url: str) -> SourceStream:
    """Open a local path or URL for reading.

    Raises:
        MediaError: if it cannot be opened.
    """
    try:
        if not is_url(url):
            path = Path(url)
            return SourceStream(path.open("rb", buffering=0), path.stat().st_size)
        filesystem, path_in = filesystem_of(url)
        file = filesystem.open_input_file(path_in)
        return SourceStream(file, file.size())
    except (OSError, pa.ArrowException) as error:
        raise MediaError(f"{url}: {_first_line(error)}; check that the file exists and may be read") from None


def list_files(url: str) -> list[Listed]:
    """List every file below a URL, sorted.

    Raises:
        MediaError: if it cannot be listed.
    """
    filesystem, path = filesystem_of(url)
    try:
        infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    except (OSError, pa.ArrowException) as error:
        raise MediaError(f"{url}: {_first_line(error)}; check the URL and your credentials") from None
    prefix = url.removesuffix("/")
    base = path.rstrip("/")
    return sorted(
        Listed(prefix + info.path.removeprefix(base), info.size, info.mtime_ns)
        for info in infos
        if info.type == fs.FileType.File
    )


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error) or type(error).__name__).splitlines()[0]
