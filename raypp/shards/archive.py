"""A veiled archive, frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raypp.errors import ShardError
from raypp.geometry.window import Window
from raypp.shards.labels import LabelTable, SampleLabels, list_versions, read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ArchiveHeader
from raypp.text.wording import counted
from raypp.veil.packing import unpack

_COLUMNS = (
    *("sample_id", "site", "camera", "source", "timestamp_us", "captured_at_us"),
    *("sub_key", "code", "width", "height", "variant"),
)


@dataclass(frozen=True, repr=False)
class VeiledFrame:
    """One veiled frame, or a variant of one.

    Attributes:
        sample_id: keyed identity, 32 hex digits.
        site, camera: where it was taken.
        source: pseudonym, or plain name, of its file.
        timestamp_us: presentation time since the source's start, in microseconds.
        captured_at_us: capture time, UTC microseconds since 1970; None where unknown.
        width, height: of the source's frame, in pixels.
        sub_key: public index of the sub-key.
        variant: 0 for the frame itself, else the number of the variant.
        codes_CRW: uint8[C, rows, columns], code values of the frame's cells, each below 2 ** bits.
        labels: of the label version that was asked for; None without one, or where it does not label the frame.
    """

    sample_id: str
    site: str
    camera: str
    source: str
    timestamp_us: int
    captured_at_us: int | None
    width: int
    height: int
    sub_key: int
    variant: int
    codes_CRW: npt.NDArray[np.uint8]
    labels: SampleLabels | None

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.codes_CRW.shape))
        labels = "no labels" if self.labels is None else counted(len(self.labels.boxes), "box")
        where = f"{self.site}/{self.camera}, {self.timestamp_us / 1e6:.2f} s"
        return f"<VeiledFrame {self.sample_id[:8]} of {where}: codes {shape}, {labels}>"


@dataclass(frozen=True, repr=False)
class Archive:
    """A finished archive that can be iterated as often as wanted.

    Attributes:
        reader: of its shards.
        table: the label version whose labels frames carry; None for none.
    """

    reader: ShardReader
    table: LabelTable | None

    @property
    def header(self) -> ArchiveHeader:
        """Veil, size and sampling."""
        return self.reader.header

    @property
    def label_versions(self) -> tuple[str, ...]:
        """Names of its label versions, sorted."""
        return tuple(list_versions(self.reader.store))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by class_id; empty without a label version."""
        return self.table.classes if self.table else ()

    def __repr__(self) -> str:
        labels = f"labels {self.table.version} of {', '.join(self.classes)}" if self.table else "without labels"
        return f"<Archive {self.reader.store.root}: {counted(len(self), 'frame')}, {labels}>"

    def __len__(self) -> int:
        return sum(receipt.frames for receipt in self.reader.manifest.receipts)

    def __iter__(self) -> Iterator[VeiledFrame]:
        """Read all frames, shard by shard; raises ShardError for a shard that is missing or damaged."""
        labels = self.table.by_sample() if self.table else {}
        for batch in self.reader.iterate(_COLUMNS):
            for row in batch.rows.to_pylist():
                yield self._frame(row, labels.get(row["sample_id"]))

    def _frame(self, row: dict[str, Any], labels: SampleLabels | None) -> VeiledFrame:
        header, packed = self.header, row.pop("code")
        window = Window(header.size, header.patch, row["width"], row["height"])
        try:
            codes = unpack(packed, (header.channels, window.rows, window.columns), header.bits)
        except ValueError as error:
            raise ShardError(
                f"the code of sample {row['sample_id']} does not fit its frame: {error}; run `raypp verify`"
            ) from None
        return VeiledFrame(**row, codes_CRW=codes, labels=labels)


def open_frames(reader: ShardReader, labels_version: str | None = None) -> Archive:
    """Open an archive for iteration.

    Args:
        reader: of its shards.
        labels_version: whose labels frames carry; None for the only version, or for none where there are several.

    Raises:
        ShardError: if there is no such version, or it is damaged.
    """
    versions = list_versions(reader.store)
    chosen = labels_version or (versions[0] if len(versions) == 1 else None)
    return Archive(reader, read_labels(reader.store, chosen) if chosen else None)
