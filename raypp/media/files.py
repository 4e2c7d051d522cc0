"""Opening and listing sources: local paths, and URLs read by the ranges asked for and no more."""

import io
import os
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import fs

from raypp.errors import MediaError, SourceReadError
from raypp.filesystem import filesystem_of, is_url

_LEAST_AHEAD = 32 << 10
_MOST_AHEAD = 4 << 20


class Listed(NamedTuple):
    """One listed file: its URL, size in bytes, and time of change in nanoseconds where known."""

    url: str
    size: int
    mtime_ns: int | None


class SourceStream(io.RawIOBase):
    """A seekable source that reads ahead no further than its reader's habit warrants, and counts what it reads.

    Somebody who has read a long stretch in a row will go on: reading ahead by a part of that stretch keeps
    requests to an object store few, and what is read in vain small.

    Attributes:
        url: where it is, for messages.
        size: bytes in all.
        bytes_read: bytes read from the source so far.
    """

    def __init__(self, file: Any, size: int, url: str) -> None:
        super().__init__()
        self._file = file
        self.url = url
        self.size = size
        self.bytes_read = 0
        self._position = 0
        self._ahead = b""
        self._ahead_from = 0
        self._in_a_row = 0
        self._failure: str | None = None

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can seek: yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes from the present position, or what is left; all of the rest if negative.

        Raises:
            SourceReadError: if the source cannot be read; after that, it reads as ended, and `check` tells.
        """
        left = max(0, self.size - self._position)
        wanted = left if size < 0 else min(size, left)
        held = self._held()
        parts = [held[:wanted]]
        missing = wanted - len(parts[0])
        if missing:
            parts.append(self._fetch(self._position + len(parts[0]), missing))
        data = b"".join(parts)
        self._position += len(data)
        self._in_a_row += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position; returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset != self._position:
            self._position = base + offset
            self._in_a_row = 0
        return self._position

    def tell(self) -> int:
        """Return the present position."""
        return self._position

    def check(self) -> None:
        """Raise SourceReadError if an earlier read failed, which a decoder may have taken for the end of the file."""
        if self._failure is not None:
            raise SourceReadError(f"{self.url} cannot be read ({self._failure}); see to its disk or network, run again")

    def close(self) -> None:
        """Close the source."""
        if not self.closed:
            self._file.close()
        super().close()

    def _held(self) -> bytes:
        """What was read ahead from the present position on."""
        offset = self._position - self._ahead_from
        return self._ahead[offset:] if 0 <= offset < len(self._ahead) else b""

    def _fetch(self, start: int, missing: int) -> bytes:
        if self._failure is not None:
            return b""
        ahead = min(max(_LEAST_AHEAD, self._in_a_row // 32), _MOST_AHEAD)
        try:
            self._file.seek(start)
            fetched: bytes = self._file.read(min(max(missing, ahead), self.size - start))
        except (OSError, pa.ArrowException) as error:
            self._failure = _first_line(error)
        self.check()
        self.bytes_read += len(fetched)
        self._ahead, self._ahead_from = fetched, start
        return fetched[:missing]


def open_source(url: str) -> SourceStream:
    """Open a local path or URL for reading.

    Raises:
        SourceReadError: if it cannot be opened.
    """
    try:
        if not is_url(url):
            path = Path(url)
            return SourceStream(path.open("rb", buffering=0), path.stat().st_size, url)
        filesystem, path_in = filesystem_of(url)
        file = filesystem.open_input_file(path_in)
        return SourceStream(file, file.size(), url)
    except (OSError, pa.ArrowException) as error:
        raise SourceReadError(f"{url}: {_first_line(error)}; check that the file exists and may be read") from None


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
