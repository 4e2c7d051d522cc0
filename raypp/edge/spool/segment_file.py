"""One file of a spool: records appended one by one, each on the disk before the next; a torn tail is cut off.

A file is a magic word and records: length of the payload and its CRC-32 (little endian, 4 bytes each), then the
payload: length of its head (4 bytes), the head as JSON, the chunk as protobuf. The first record has a head of another
kind and no chunk: it says with which sequence number the file begins and where the capture stood, so that a file that
follows on deleted ones says all that they did.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.edge.capture.position import Position
from raypp.errors import SpoolError
from raypp.io.private import write_private

SPOOL_MAGIC = b"RAYPPSP1"
SUFFIX = ".chunks"
_RECORD = struct.Struct("<II")
_HEAD = struct.Struct("<I")
_MOST_BYTES = 1 << 28


class SegmentHead(BaseModel):
    """First record of a file: its first sequence number, and where the capture stood before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_sequence: int
    position: Position


class ChunkHead(BaseModel):
    """Facts about a chunk that need no decoding.

    Attributes:
        sequence: its number.
        frames: frames in it that the camera gave.
        dropped: frames that were dropped in its place or before it.
        first_index, first_us: its first frame, or where it would be.
        position: where the capture stood after it.
        last: the stream ends with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int
    frames: int
    dropped: int = 0
    first_index: int
    first_us: int
    position: Position
    last: bool = False


class ChunkPlace(BaseModel):
    """Where a chunk lies in its file, in bytes."""

    model_config = ConfigDict(frozen=True)

    head: ChunkHead
    offset: int
    length: int


class SegmentFile:
    """A file of chunks, at the end of which more may be written.

    Attributes:
        path: the file.
        head: its first record.
        places: its chunks, in order.
        frames: frames in them that the camera gave.
        bytes: its length.
        torn: bytes beyond the last good record, when it was opened.
    """

    def __init__(self, path: Path, head: SegmentHead, places: list[ChunkPlace], length: int, torn: int = 0) -> None:
        self.path = path
        self.head = head
        self.places = places
        self.frames = sum(place.head.frames for place in places)
        self.bytes = length
        self.torn = torn
        self._file: int | None = None

    @classmethod
    def create(cls, folder: Path, head: SegmentHead, chunks: list[tuple[ChunkHead, bytes]] | None = None) -> Self:
        """Make a file that is there whole or not at all; one of the same name is replaced.

        Raises:
            OSError: if it cannot be written.
        """
        path = folder / f"{head.first_sequence:016d}{SUFFIX}"
        data = SPOOL_MAGIC + _record(head.model_dump_json().encode(), b"")
        places = []
        for chunk_head, body in chunks or []:
            record = _record(chunk_head.model_dump_json().encode(), body)
            places.append(ChunkPlace(head=chunk_head, offset=len(data), length=len(record)))
            data += record
        write_private(path, data)
        return cls(path, head, places, len(data))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read what a file holds; a record that is not whole, and all after it, count as torn.

        Raises:
            SpoolError: if not even the first record can be read.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SpoolError(f"spool file {path}: {error.strerror}; see to its disk and permissions") from None
        records = _records(data)
        places: list[ChunkPlace] = []
        end = len(SPOOL_MAGIC)
        try:
            _, end, head_json, _ = next(records)
            head = SegmentHead.model_validate_json(head_json)
            for begin, stop, chunk_json, _ in records:
                chunk_head = ChunkHead.model_validate_json(chunk_json)
                places.append(ChunkPlace(head=chunk_head, offset=begin, length=stop - begin))
                end = stop
        except (StopIteration, ValidationError):
            raise SpoolError(
                f"spool file {path} is damaged at byte {end}; move it away to go on without its chunks"
            ) from None
        return cls(path, head, places, end, len(data) - end)

    def append(self, head: ChunkHead, body: bytes) -> None:
        """Write a chunk to the disk; when this returns, it is there for good.

        Raises:
            OSError: if it cannot be written; the file is as before.
        """
        record = _record(head.model_dump_json().encode(), body)
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY)
            os.ftruncate(self._file, self.bytes)
        try:
            os.lseek(self._file, self.bytes, os.SEEK_SET)
            written = 0
            while written < len(record):
                written += os.write(self._file, record[written:])
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self.bytes)
            raise
        self.places.append(ChunkPlace(head=head, offset=self.bytes, length=len(record)))
        self.frames += head.frames
        self.bytes += len(record)

    def read(self, place: ChunkPlace) -> bytes:
        """Return a chunk's bytes; raises SpoolError if the disk has lost them."""
        try:
            with self.path.open("rb") as file:
                file.seek(place.offset)
                data = SPOOL_MAGIC + file.read(place.length)
        except OSError as error:
            raise SpoolError(f"spool file {self.path}: {error.strerror}; see to its disk") from None
        first = next(_records(data), None)
        if first is None:
            raise SpoolError(f"spool file {self.path}: chunk {place.head.sequence} is damaged; see to its disk")
        return first[3]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _record(head: bytes, body: bytes) -> bytes:
    payload = _HEAD.pack(len(head)) + head + body
    return _RECORD.pack(len(payload), zlib.crc32(payload)) + payload


def _records(data: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Give begin, end, head and body of each whole record."""
    begin = len(SPOOL_MAGIC)
    if data[:begin] != SPOOL_MAGIC:
        return
    while begin + _RECORD.size <= len(data):
        length, checksum = _RECORD.unpack_from(data, begin)
        end = begin + _RECORD.size + length
        if not _HEAD.size <= length <= _MOST_BYTES or end > len(data):
            return
        payload = data[begin + _RECORD.size : end]
        (head_length,) = _HEAD.unpack_from(payload)
        if zlib.crc32(payload) != checksum or head_length > length - _HEAD.size:
            return
        yield begin, end, payload[_HEAD.size : _HEAD.size + head_length], payload[_HEAD.size + head_length :]
        begin = end
