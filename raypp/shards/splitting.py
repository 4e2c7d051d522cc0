"""Splits for frames that came without: a new label version, made from an old one and nothing but the archive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from raypp.errors import LabelError, OptionError
from raypp.shards.joined_versions import join_versions
from raypp.shards.labels import LabelTable, list_versions, only_version, read_labels, write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.split_by import SplitBy
from raypp.text.split_names import TRAIN, VAL

_COLUMNS = ("sample_id", "source", "timestamp_us")


@dataclass(frozen=True)
class Split:
    """How frames are split.

    Attributes:
        by: what is kept together.
        val: share of frames (by time) or of sources (by source) that become val, in (0, 1); all views of a frame go
            with it.
        gap_s: seconds of each source between train and val that are in neither; by time only.
    """

    by: SplitBy = SplitBy.TIME
    val: float = 0.2
    gap_s: float = 1.0

    def __post_init__(self) -> None:
        if self.by not in set(SplitBy):
            raise OptionError(f"`by` {self.by!r} is no way to split; give one of {', '.join(SplitBy)}")
        object.__setattr__(self, "by", SplitBy(self.by))  # a notebook writes "source"
        if not 0 < self.val < 1:
            raise OptionError(f"`val` {self.val} must lie between 0 and 1, such as 0.2")
        if self.gap_s < 0:
            raise OptionError(f"`gap_s` {self.gap_s} must not be negative")


@dataclass(frozen=True)
class _Frame:
    sample_id: str
    timestamp_us: int


def write_split(reader: ShardReader, version: str | Sequence[str] | None, name: str, split: Split) -> LabelTable:
    """Write a label version in which every labelled frame is train or val; returns it.

    Args:
        reader: the archive.
        version: label version to start from; several are joined by the names of their classes; None for the only one.
        name: name of the new version.
        split: how.

    Raises:
        ShardError: if there is no such version.
        ConflictError: if the new version exists with other content.
        LabelError: if train or val would be empty, there are several versions and none is named, or two of those that
            are named label one frame.
    """
    there = [candidate for candidate in list_versions(reader.store) if candidate != name]
    versions = [version] if isinstance(version, str) else version or [only_version(reader.store.root, there)]
    tables = [read_labels(reader.store, each) for each in versions]
    classes, labelled = join_versions(tables)
    where = _assign(_sources(reader, {row.sample_id for row in labelled}), split)
    known = [replace(row, split=where[row.sample_id]) for row in labelled if row.sample_id in where]
    split_rows = [row for row in known if row.split == TRAIN or not row.variant]  # variants are for training only
    for wanted in (TRAIN, VAL):
        if not any(row.split == wanted for row in split_rows):
            raise LabelError(f"split by {split.by} with `val` {split.val} leaves no {wanted} frames; split otherwise")
    return write_labels(reader.store, name, classes, tables[0].veil_id, split_rows)


def _sources(reader: ShardReader, labelled: set[str]) -> dict[str, list[_Frame]]:
    """Labelled frames by source, in order of time."""
    sources: dict[str, list[_Frame]] = {}
    for batch in reader.iterate(_COLUMNS, batch_size=4096):
        for row in batch.rows.to_pylist():
            if row["sample_id"] in labelled:
                sources.setdefault(row["source"], []).append(_Frame(row["sample_id"], row["timestamp_us"]))
    return {name: sorted(frames, key=lambda frame: frame.timestamp_us) for name, frames in sources.items()}


def _assign(sources: dict[str, list[_Frame]], split: Split) -> dict[str, str]:
    """Split of each frame; frames of the gap are left out."""
    if split.by is SplitBy.SOURCE:
        chosen = _last_by_name(sources, split.val)
        return {
            frame.sample_id: VAL if name in chosen else TRAIN for name, frames in sources.items() for frame in frames
        }
    assigned: dict[str, str] = {}
    for frames in sources.values():
        moments = sorted({frame.timestamp_us for frame in frames})  # a frame's views and variants are of one
        first_val = len(moments) - round(len(moments) * split.val)
        starts = moments[first_val] if first_val < len(moments) else None
        for frame in frames:
            if starts is None or starts - frame.timestamp_us > split.gap_s * 1e6:
                assigned[frame.sample_id] = TRAIN
            elif frame.timestamp_us >= starts:
                assigned[frame.sample_id] = VAL
    return assigned


def _last_by_name(sources: Iterable[str], share: float) -> set[str]:
    """The last sources by pseudonym, a keyed hash and so as good as drawn: at least one."""
    names = sorted(sources)
    return set(names[-max(1, round(len(names) * share)) :])
