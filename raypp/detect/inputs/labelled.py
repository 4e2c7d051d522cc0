"""Labelled rows of an archive, read in this process."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader


def labelled_rows(
    archive: str, labels_version: str, split: str, columns: Sequence[str], data_key_path: Path | None
) -> Iterator[dict[str, Any]]:
    """Read the frames of a split in the archive's order, with `boxes` (class_id, x, y, w, h) beside the columns.

    Raises:
        ShardError: if the version does not exist, or a shard is damaged.
    """
    data_key = DataKey.load(data_key_path) if data_key_path else None
    for frames, labels in ShardReader(archive, data_key).labelled(labels_version, columns):
        wanted = [row for row, label in enumerate(labels) if label.split == split]
        for index, row in zip(wanted, frames.rows.take(pa.array(wanted, type=pa.int64())).to_pylist(), strict=True):
            yield row | {"boxes": [vars(box) for box in labels[index].boxes]}
