"""Rows of a new label version: some frames' labels instead of those of an old one."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from raypp.shards.labels import LabelTable, SampleLabels
from raypp.shards.reader import ShardReader

_READ_ROWS = 8192
_FRAME = ("source", "camera", "timestamp_us")


@dataclass(frozen=True)
class RelabelledRows:
    """Rows of a label version that differs from another one.

    Attributes:
        rows: all its rows.
        changed: frames whose labels differ from those that they had.
        variants_dropped: rows of variants that were left out, since their labels are those that their frames had.
    """

    rows: tuple[SampleLabels, ...]
    changed: frozenset[str]
    variants_dropped: int


def relabel(reader: ShardReader, table: LabelTable, instead: Mapping[str, SampleLabels]) -> RelabelledRows:
    """Return the rows of a label version with others instead, or beside them; none of them are of variants.

    Args:
        reader: the archive.
        table: the version to start from.
        instead: new rows by sample_id.

    Raises:
        ShardError: if a shard is missing or damaged.
    """
    before = table.rows
    known = {row.sample_id for row in before}
    changed = frozenset(row.sample_id for row in before if instead.get(row.sample_id, row).boxes != row.boxes)
    has_variants = pc.any(pc.greater(table.columns["variant"], 0)).as_py()
    stale = _variants(reader, changed) if has_variants and changed else set()
    kept = [instead.get(row.sample_id, row) for row in before if row.sample_id not in stale]
    added = [row for name, row in instead.items() if name not in known]
    return RelabelledRows((*kept, *added), changed, len(before) - len(kept))


def _variants(reader: ShardReader, changed: frozenset[str]) -> set[str]:
    """Variants of frames; each is of its frame's source, camera and time."""
    members: dict[tuple[object, ...], list[str]] = {}
    frames: set[tuple[object, ...]] = set()
    for batch in reader.iterate(("sample_id", "variant", *_FRAME), _READ_ROWS):
        for row in batch.rows.to_pylist():
            frame = tuple(row[name] for name in _FRAME)
            if row["variant"]:
                members.setdefault(frame, []).append(row["sample_id"])
            elif row["sample_id"] in changed:
                frames.add(frame)
    return {sample_id for frame in frames for sample_id in members.get(frame, ())}
