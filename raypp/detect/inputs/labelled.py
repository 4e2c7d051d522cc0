"""Labelled rows of an archive, read in this process."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    for frames, labels in ShardReader(archive, data_key).joined(labels_version, columns):
        wanted = pa.array(np.flatnonzero(pc.equal(labels["split"], split).to_numpy()))
        boxes = labels["boxes"].take(wanted).to_pylist()
        for row, own in zip(frames.rows.take(wanted).to_pylist(), boxes, strict=True):
            yield row | {"boxes": own}
