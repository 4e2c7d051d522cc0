"""Writing one shard: rows stream in, the file appears whole or not at all."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import ShardError
from raypp.shards.encryption import DataKey
from raypp.shards.schema import ArchiveHeader, ShardRow, shard_schema
from raypp.shards.store import Store

_ROWS_PER_GROUP = 64
_ZSTD_LEVEL = 3


@dataclass(frozen=True)
class ShardDigest:
    """Digest of a written shard: SHA-256 of the file's bytes and of the rows' values (hex), bytes and rows."""

    sha256: str
    content_sha256: str
    bytes: int
    frames: int


class ContentDigest:
    """SHA-256 over rows, independent of Parquet, compression and encryption."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, row: ShardRow) -> None:
        """Add one row."""
        for field in fields(row):
            kind, encoded = _canonical(getattr(row, field.name))
            self._digest.update(kind + len(encoded).to_bytes(8, "big"))
            self._digest.update(encoded)

    def hex(self) -> str:
        """Return the digest as hex."""
        return self._digest.hexdigest()


class ShardWriter:
    """Writes a shard row group by row group, so that memory stays flat; the same rows give the same bytes.

    Use it as a context manager: left without `close`, or by an exception, nothing remains.

    Args:
        store: the archive.
        relative: the shard's path in it.
        header: the archive's header.
        encryption: data key, or None for a plain shard.
        durable: whether it is on the disk once it is closed; else `Store.sync` brings it there.
    """

    def __init__(
        self,
        store: Store,
        relative: str,
        header: ArchiveHeader,
        encryption: DataKey | None = None,
        *,
        durable: bool = True,
    ) -> None:
        self._schema = shard_schema(header)
        self._store = store
        self._relative = relative
        self._encryption = encryption
        self._durable = durable
        self._rows: list[ShardRow] = []
        self._frames = 0
        self._content = ContentDigest()
        self._stack = ExitStack()
        self._file: _HashingFile | None = None
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        file.abandoned = True
        # Only a failed write is the store's to explain; an OSError of the caller's own, from a source say, is not.
        discarded = error if error is not None and file.failed else _DiscardedError()
        try:
            self._stack.__exit__(type(discarded), discarded, None)
        except _DiscardedError:
            return

    def append(self, row: ShardRow) -> None:
        """Add a row; raises ShardError if it cannot be written."""
        self._rows.append(row)
        self._content.add(row)
        self._frames += 1
        if len(self._rows) == _ROWS_PER_GROUP:
            self._flush()

    def close(self) -> ShardDigest:
        """Finish the shard, which then exists; raises ShardError if it cannot be written."""
        self._flush()
        if self._file is None or self._parquet is None:
            raise ShardError(f"shard {self._relative} has no rows; a shard is never empty")
        self._parquet.close()
        file, self._file = self._file, None
        self._stack.close()
        return ShardDigest(file.digest.hexdigest(), self._content.hex(), file.written, self._frames)

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._parquet is None:
            raw = self._stack.enter_context(self._store.create(self._relative, durable=self._durable))
            self._file = _HashingFile(raw)
            self._parquet = self._open(self._file)
        columns = {name: [getattr(row, name) for row in self._rows] for name in self._schema.names}
        self._parquet.write_table(pa.table(columns, schema=self._schema))
        self._rows.clear()

    def _open(self, file: "_HashingFile") -> pq.ParquetWriter:
        small = [name for name in self._schema.names if name not in ("code", "sample_id")]
        return pq.ParquetWriter(
            pa.PythonFile(file, mode="w"),
            self._schema,
            version="2.6",
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            use_dictionary=["site", "camera", "source"],
            write_statistics=small,
            store_schema=True,
            encryption_properties=self._encryption.encryption() if self._encryption else None,
        )


def _canonical(value: str | bytes | int | None) -> tuple[bytes, bytes]:
    """Kind and bytes of a value; the same for numpy's integers, and for every Python."""
    if value is None:
        return b"n", b""
    if isinstance(value, str):
        return b"s", value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return b"b", bytes(value)
    return b"i", b"%d" % int(value)


class _DiscardedError(Exception):
    """Ends the output stream of a shard that nobody closed."""


class _HashingFile:
    """A write-only file that hashes what passes through, so that a shard need not be read again."""

    def __init__(self, raw: IO[Any]) -> None:
        self._raw = raw
        self.digest = hashlib.sha256()
        self.written = 0
        self.closed = False
        self.failed = False
        self.abandoned = False

    def write(self, data: Any) -> int:
        content = bytes(data)
        if self.abandoned:
            return len(content)  # pyarrow writes a footer when it drops a writer; its file is gone by then
        try:
            self._raw.write(content)
        except OSError:
            self.failed = True
            raise
        self.digest.update(content)
        self.written += len(content)
        return len(content)

    def tell(self) -> int:
        return self.written

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        self.closed = True
