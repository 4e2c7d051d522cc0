"""Labelled rows of an archive, read in this process."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from raypp.key_sources.place import KeyPlace
from raypp.shards.encryption import DataKey
from raypp.shards.label_index import LabelIndex
from raypp.shards.labels import read_labels
from raypp.shards.reader import ShardReader, join_labels


class LabelledReader:
    """Reads labelled frames, of all shards or of some, and the labels once.

    Args:
        archive: a finished one, folder or URL.
        labels_version: name of the label version.
        data_key_path: data key of encrypted shards, or None.

    Raises:
        ShardError: if the archive has no manifest, no such version, or is encrypted and no key was given.
    """

    def __init__(self, archive: str, labels_version: str, data_key_path: KeyPlace | None) -> None:
        self._reader = ShardReader(archive, DataKey.load(data_key_path) if data_key_path else None)
        self._index = LabelIndex(read_labels(self._reader.store, labels_version))

    def rows(self, split: str, columns: Sequence[str], shards: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
        """Read the frames of a split, with `boxes` (class_id, x, y, w, h) beside the columns.

        Args:
            split: the split.
            columns: of the shards, `sample_id` among them.
            shards: relative paths; None for all, in the archive's order.

        Raises:
            ShardError: if a shard is damaged.
        """
        for shard in self._reader.shards if shards is None else shards:
            for batch in self._reader.shard(shard, columns):
                frames, labels = join_labels(batch, self._index)
                wanted = pa.array(np.flatnonzero(pc.equal(labels["split"], split).to_numpy()))
                boxes = labels["boxes"].take(wanted).to_pylist()
                for row, own in zip(frames.rows.take(wanted).to_pylist(), boxes, strict=True):
                    yield row | {"boxes": own}


def labelled_rows(
    archive: str, labels_version: str, split: str, columns: Sequence[str], data_key_path: KeyPlace | None
) -> Iterator[dict[str, Any]]:
    """Read the frames of a split in the archive's order; arguments and errors as for `LabelledReader`."""
    yield from LabelledReader(archive, labels_version, data_key_path).rows(split, columns)
