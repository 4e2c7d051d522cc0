"""Reading an archive: veiled frames as numpy, alone or joined with a label version."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import KeyFileError, ShardError
from raypp.geometry.window import Window
from raypp.io.filesystem import is_url
from raypp.shards.encryption import DataKey
from raypp.shards.label_index import LabelIndex
from raypp.shards.labels import SampleLabels, label_rows, read_labels
from raypp.shards.manifest import Manifest, read_manifest
from raypp.shards.parquet import open_parquet
from raypp.shards.schema import METADATA_KEY, SHARD_SCHEMA, ArchiveHeader
from raypp.shards.store import Store
from raypp.text.printable import printable
from raypp.veil.packing import unpack


@dataclass(frozen=True)
class FrameBatch:
    """Rows of one shard.

    Attributes:
        header: the archive's header.
        rows: the columns that were asked for.
    """

    header: ArchiveHeader
    rows: pa.RecordBatch

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column as a numpy array of N values; strings and missing values as objects."""
        values: npt.NDArray[Any] = self.rows.column(name).to_numpy(zero_copy_only=False)
        return values

    def codes(self) -> npt.NDArray[np.uint8]:
        """Return the codes in the whole square, uint8[N, C, grid, grid]; 0 outside each frame's window.

        Raises:
            ShardError: if a row's code does not fit its frame size.
        """
        header = self.header
        out = np.zeros((len(self), header.channels, header.grid, header.grid), dtype=np.uint8)
        sizes = zip(self.column("width").tolist(), self.column("height").tolist(), strict=True)
        for square, packed, (width, height) in zip(out, self.rows.column("code"), sizes, strict=True):
            place_code(square, packed.as_py(), header, width, height)
        return out


def place_code(square: npt.NDArray[np.uint8], packed: bytes, header: ArchiveHeader, width: int, height: int) -> None:
    """Unpack one frame's code into its window of the square, in place.

    Args:
        square: uint8[C, grid, grid], zeros.
        packed: the row's `code`.
        header: the archive's header.
        width: width of the source's frame, in pixels.
        height: height of the source's frame, in pixels.

    Raises:
        ShardError: if the code does not fit the frame size.
    """
    window = Window(header.size, header.patch, width, height)
    shape = (header.channels, window.rows, window.columns)
    try:
        code = unpack(packed, shape, header.bits)
    except ValueError as error:
        raise ShardError(f"a code does not fit its frame of {width}x{height}: {error}; run `raypp verify`") from None
    top, left = window.row_offset, window.column_offset
    square[:, top : top + window.rows, left : left + window.columns] = code


class ShardReader:
    """Reads the frames of a finished archive, shard by shard in manifest order.

    Args:
        root: the archive, a folder or URL.
        encryption: data key of encrypted shards, or None.

    Raises:
        ShardError: if the archive has no manifest, or is encrypted and no key was given.
    """

    def __init__(self, root: str, encryption: DataKey | None = None) -> None:
        self.store = Store(root, encryption)
        self.manifest: Manifest = read_manifest(self.store)
        self._encryption = encryption
        if self.header.encrypted and encryption is None:
            raise ShardError(f"archive {root} is encrypted; give its data key with `data_key`")

    @property
    def header(self) -> ArchiveHeader:
        """The archive's header."""
        return self.manifest.header

    @property
    def shards(self) -> tuple[str, ...]:
        """Relative paths of all shards, in manifest order."""
        return tuple(receipt.shard for receipt in self.manifest.receipts if receipt.shard)

    def iterate(self, columns: Sequence[str] | None = None, batch_size: int = 64) -> Iterator[FrameBatch]:
        """Read all frames.

        Args:
            columns: names of the columns to read; all if None. `FrameBatch.codes` needs code, width and height.
            batch_size: most rows to a batch.

        Raises:
            ShardError: naming the shard, if one is missing, damaged or of another veil.
        """
        for relative in self.shards:
            yield from self.shard(relative, columns, batch_size)

    def shard(
        self,
        relative: str,
        columns: Sequence[str] | None = None,
        batch_size: int = 64,
        content: bytes | None = None,
    ) -> Iterator[FrameBatch]:
        """Read the frames of one shard; other arguments and errors as for `iterate`.

        Args:
            relative: its path.
            columns: as for `iterate`.
            batch_size: likewise.
            content: its bytes, where they have been read already.
        """
        try:
            with open_shard(self.store, relative, self.header, self._encryption, content) as file:
                names = list(columns) if columns is not None else None
                for rows in file.iter_batches(batch_size, columns=names, use_threads=False):
                    yield FrameBatch(self.header, rows)
        except (pa.ArrowException, OSError) as error:
            reason = printable(str(error).splitlines()[0])  # Arrow quotes what stands in the file
            raise ShardError(f"shard {self.store.root}/{relative} is damaged ({reason}); veil it again") from None

    def labelled(
        self, version: str, columns: Sequence[str] | None = None, batch_size: int = 64
    ) -> Iterator[tuple[FrameBatch, tuple[SampleLabels, ...]]]:
        """Read the frames that a label version labels, each batch with its labels in row order.

        Raises:
            ShardError: if the version does not exist, or as for `iterate`.
        """
        for frames, labels in self.joined(version, columns, batch_size):
            yield frames, label_rows(labels)

    def joined(
        self, version: str, columns: Sequence[str] | None = None, batch_size: int = 64
    ) -> Iterator[tuple[FrameBatch, pa.Table]]:
        """Read what `labelled` does, with the labels as columns of the label table; errors as there."""
        index = LabelIndex(read_labels(self.store, version))
        if columns is not None and "sample_id" not in columns:
            columns = ["sample_id", *columns]
        for batch in self.iterate(columns, batch_size):
            frames, labels = join_labels(batch, index)
            if len(frames):
                yield frames, labels


def join_labels(batch: FrameBatch, index: LabelIndex) -> tuple[FrameBatch, pa.Table]:
    """Return the rows of a batch that are labelled, and the columns of their labels in row order.

    Args:
        batch: frames with their column `sample_id`.
        index: finds labels.
    """
    chosen, rows = index.find(batch.rows.column("sample_id"))
    return FrameBatch(batch.header, batch.rows.take(pa.array(chosen))), index.columns.take(pa.array(rows))


def open_shard(
    store: Store, relative: str, header: ArchiveHeader, encryption: DataKey | None, content: bytes | None = None
) -> pq.ParquetFile:
    """Open a shard and check that its schema and header are the archive's.

    Args:
        store: the archive.
        relative: path of the shard.
        header: of the archive.
        encryption: data key of an encrypted one, or None.
        content: the shard's bytes, where they have been read already.

    Raises:
        ShardError: naming the shard and both veils, if it is of another archive; or if it cannot be opened.
    """
    where = f"{store.root}/{relative}"
    decryption = encryption.decryption() if encryption else None
    try:
        source = store.open_input(relative) if content is None else io.BytesIO(content)
        file = open_parquet(source, decryption, ahead=content is None and is_url(store.root))
    except KeyFileError as error:
        raise ShardError(f"shard {where}: {error}") from None
    except (pa.ArrowException, OSError) as error:
        reason = printable(str(error).splitlines()[0])  # Arrow quotes what stands in the file
        raise ShardError(f"shard {where} is damaged ({reason}); remove it and run `raypp veil` again") from None
    metadata = file.schema_arrow.metadata or {}
    if METADATA_KEY not in metadata or not file.schema_arrow.equals(SHARD_SCHEMA):
        raise ShardError(f"shard {where} has another schema than this version of raypp writes; veil it again")
    own = ArchiveHeader.from_bytes(metadata[METADATA_KEY], where)
    if own.veil_id != header.veil_id:
        raise ShardError(
            f"shard {where} is of veil {own.veil_id}, its archive of {header.veil_id}; do not mix archives"
        )
    if own != header:
        raise ShardError(f"shard {where} was made with other settings than its archive; do not mix archives")
    return file
