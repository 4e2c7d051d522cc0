"""Opening and listing sources: local paths, and URLs read by the ranges asked for and no more."""

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from raypp.errors import MediaError, SourceReadError, UnreachableError
from raypp.io.filesystem import filesystem_of, is_url, url_below, url_path
from raypp.media.listing import Listed, Listing

_LEAST_AHEAD = 32 << 10
_MOST_AHEAD = 4 << 20
_LIBRARY_ERRORS = (OSError, ValueError, pa.ArrowException)


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
        """Return the bytes read ahead from the present position on."""
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


def held_source(content: bytes, name: str) -> SourceStream:
    """Give bytes in memory as a source.

    Args:
        content: of the whole file.
        name: what messages call it.
    """
    return SourceStream(io.BytesIO(content), len(content), name)


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
        return _remote(filesystem, path_in, url)
    except UnreachableError as error:
        raise SourceReadError(str(error)) from None
    except Exception as error:
        if not isinstance(error, _LIBRARY_ERRORS) and not _is_of_http(error):
            raise
        raise SourceReadError(f"{url}: {_first_line(error)}; check that the file exists and may be read") from None


def _remote(filesystem: fs.FileSystem, path: str, url: str) -> SourceStream:
    if isinstance(filesystem, fs.S3FileSystem) and "//" in path:
        raise SourceReadError(f"{url}: a key with an empty part (//) cannot be read here; copy it to another key")
    file = filesystem.open_input_file(path)
    if not url.startswith(("http://", "https://")):
        return SourceStream(file, file.size(), url)
    try:
        size = file.size()
        file.seek(max(0, size - 1))
        file.read(1)
    except (OSError, ValueError):  # plain web servers give whole files alone
        file.close()
        return _copied(filesystem.handler.fs.open(path, "rb", block_size=0), url)
    return SourceStream(file, size, url)


def _copied(file: Any, url: str) -> SourceStream:
    """Copy what can only be read in one go into a file without a name, gone with its last reader."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the stream
    try:
        with file:
            shutil.copyfileobj(file, copy, _MOST_AHEAD)
        return SourceStream(copy, copy.tell(), url)
    except BaseException:
        copy.close()
        raise


def _is_of_http(error: BaseException) -> bool:
    """Whether an error is of the library that fsspec reads the web with, which is not part of the core install."""
    return type(error).__module__.partition(".")[0] == "aiohttp"


def list_files(url: str) -> Listing:
    """List every file below a URL.

    Raises:
        MediaError: if it cannot be listed.
    """
    try:
        filesystem, path = filesystem_of(url)
        infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    except UnreachableError as error:
        raise MediaError(str(error)) from None
    except Exception as error:
        if not isinstance(error, _LIBRARY_ERRORS) and not _is_of_http(error):
            raise
        raise MediaError(f"{url}: {_first_line(error)}; check the URL and your credentials") from None
    base = url_path(path).rstrip("/") + "/"
    files = ((url_below(url, info.path.removeprefix(base)), info) for info in infos if info.type == fs.FileType.File)
    return Listing.of(
        Listed(place, _size(place) if info.size is None else info.size, info.mtime_ns) for place, info in files
    )


def _size(url: str) -> int:
    """Size of a file that a listing (a web server's) does not tell."""
    stream = open_source(url)
    stream.close()
    return stream.size


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, FileNotFoundError):
        return "No such file"
    return (str(error) or type(error).__name__).splitlines()[0]
