"""What differs between two dataset versions: frames, boxes, classes, sites and sources."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from raypp.datasets.frames import CapturePlace, VersionFrames, place_of, read_version_frames
from raypp.datasets.version import DatasetVersion
from raypp.shards.reader import ShardReader

_ROWS_AT_ONCE = 4096
_Within = Callable[[CapturePlace], CapturePlace]


class Change(BaseModel):
    """How many there are of something in the first version and in the second."""

    model_config = ConfigDict(frozen=True)

    before: int = 0
    after: int = 0
    added: int = Field(0, description="in the second version alone")
    removed: int = Field(0, description="in the first version alone")


class ClassChange(BaseModel):
    """Boxes of one class."""

    model_config = ConfigDict(frozen=True)

    before: int | None = Field(description="boxes in the first version; none where it has no such class")
    after: int | None = Field(description="boxes in the second version; none where it has no such class")


class PlaceChange(BaseModel):
    """Frames of one site, or of one source."""

    model_config = ConfigDict(frozen=True)

    site: str
    camera: str | None = Field(None, description="none for a whole site")
    source: str | None = Field(None, description="pseudonym of the file; none for a whole site")
    frames: Change
    labelled: Change


class DatasetDiff(BaseModel):
    """Differences between two dataset versions; variants of frames are not counted."""

    model_config = ConfigDict(frozen=True)

    first: str = Field(description="digest of the first version")
    second: str = Field(description="digest of the second version")
    frames: Change = Field(description="frames in the shards")
    labelled: Change = Field(description="labelled frames")
    relabelled: int = Field(description="frames that are labelled in both, with other boxes")
    moved: int = Field(description="frames that are labelled in both, in another split")
    boxes: Change = Field(description="boxes; one that changed its class or place counts as removed and as added")
    splits: dict[str, Change] = Field(description="labelled frames of each split")
    classes: dict[str, ClassChange] = Field(description="boxes of each class, by its name")
    renumbered: bool = Field(description="whether a class that both have has another number")
    sites: tuple[PlaceChange, ...] = Field(description="sites whose frames or labelled frames differ")
    sources: tuple[PlaceChange, ...] = Field(description="sources whose frames or labelled frames differ")

    @property
    def is_empty(self) -> bool:
        """Whether both are the same dataset version."""
        return self.first == self.second


def diff_versions(reader: ShardReader, first: DatasetVersion, second: DatasetVersion) -> DatasetDiff:
    """Compare two dataset versions of an archive; codes are not read.

    Args:
        reader: of the archive.
        first: what is compared with.
        second: what is compared.

    Raises:
        ShardError: if a shard is missing or damaged.
    """
    before, after = read_version_frames(reader, first), read_version_frames(reader, second)
    labels = _compare_labels(before, after)
    shared = set(before.classes) & set(after.classes)
    return DatasetDiff(
        first=first.digest,
        second=second.digest,
        frames=_change(before.frames["sample_id"], after.frames["sample_id"]),
        labelled=_change(before.labels["sample_id"], after.labels["sample_id"]),
        relabelled=labels.relabelled,
        moved=labels.moved,
        boxes=Change(
            before=_boxes(before.labels),
            after=_boxes(after.labels),
            added=labels.boxes_added,
            removed=labels.boxes_removed,
        ),
        splits=labels.splits,
        classes=_classes(before, after),
        renumbered=any(before.classes.index(name) != after.classes.index(name) for name in shared),
        sites=tuple(_places(before, after, lambda place: CapturePlace(place.site))),
        sources=tuple(_places(before, after, lambda place: place)),
    )


def _change(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Change:
    return Change(
        before=len(before), after=len(after), added=len(_without(after, before)), removed=len(_without(before, after))
    )


def _without(names: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.ChunkedArray:
    return names.filter(pc.invert(pc.is_in(names, value_set=others)))


@dataclass(frozen=True)
class _LabelChanges:
    relabelled: int
    moved: int
    boxes_added: int
    boxes_removed: int
    splits: dict[str, Change]


def _compare_labels(before: VersionFrames, after: VersionFrames) -> _LabelChanges:
    relabelled = moved = added = removed = 0
    splits = _split_counts(before.labels, after.labels)
    for old, new in _pairs(before.labels, after.labels):
        if old is not None:
            splits[old["split"]]["before"] += 1
        if new is not None:
            splits[new["split"]]["after"] += 1
        if (old and old["split"]) != (new and new["split"]):
            moved += old is not None and new is not None
            if old is not None:
                splits[old["split"]]["removed"] += 1
            if new is not None:
                splits[new["split"]]["added"] += 1
        was, now = _by_name(old, before.classes), _by_name(new, after.classes)
        relabelled += old is not None and new is not None and was != now
        added += (now - was).total()
        removed += (was - now).total()
    return _LabelChanges(
        relabelled, moved, added, removed, {name: Change(**counts) for name, counts in sorted(splits.items())}
    )


def _split_counts(before: pa.Table, after: pa.Table) -> dict[str, Counter[str]]:
    names = {*pc.unique(before["split"]).to_pylist(), *pc.unique(after["split"]).to_pylist()}
    return {name: Counter() for name in names}


def _pairs(before: pa.Table, after: pa.Table) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Rows of both label tables by sample: (old, new), with None where one of them does not label it."""
    there = pc.index_in(before["sample_id"], value_set=after["sample_id"])
    for start in range(0, len(before), _ROWS_AT_ONCE):
        chosen = there.slice(start, _ROWS_AT_ONCE)
        news = after.take(chosen).to_pylist()  # a row of nulls where it is not there
        for old, new in zip(before.slice(start, _ROWS_AT_ONCE).to_pylist(), news, strict=True):
            yield old, new if new["sample_id"] is not None else None
    fresh = after.filter(pc.invert(pc.is_in(after["sample_id"], value_set=before["sample_id"])))
    for start in range(0, len(fresh), _ROWS_AT_ONCE):
        for new in fresh.slice(start, _ROWS_AT_ONCE).to_pylist():
            yield None, new


def _by_name(row: dict[str, Any] | None, classes: tuple[str, ...]) -> Counter[tuple[str, float, float, float, float]]:
    boxes = row["boxes"] if row else ()
    return Counter((classes[box["class_id"]], box["x"], box["y"], box["w"], box["h"]) for box in boxes)


def _boxes(labels: pa.Table) -> int:
    return pc.sum(pc.list_value_length(labels["boxes"])).as_py() or 0


def _classes(before: VersionFrames, after: VersionFrames) -> dict[str, ClassChange]:
    was, now = _boxes_by_class(before), _boxes_by_class(after)
    return {name: ClassChange(before=was.get(name), after=now.get(name)) for name in dict.fromkeys((*was, *now))}


def _boxes_by_class(version: VersionFrames) -> dict[str, int]:
    class_ids = pc.struct_field(pc.list_flatten(version.labels["boxes"]), "class_id")
    counts = {item["values"]: item["counts"] for item in pc.value_counts(class_ids).to_pylist()}
    return {name: counts.get(number, 0) for number, name in enumerate(version.classes)}


def _places(before: VersionFrames, after: VersionFrames, within: _Within) -> Iterator[PlaceChange]:
    """Compare what each place has; places with the same frames and labelled frames are left out."""
    frames = _by_place(before.frames, after.frames, within)
    labelled = _by_place(before.labelled, after.labelled, within)
    for place in sorted(frames, key=str):
        change = PlaceChange(**vars(place), frames=frames[place], labelled=labelled.get(place, Change()))
        if change.frames.added or change.frames.removed or change.labelled.added or change.labelled.removed:
            yield change


def _by_place(before: pa.Table, after: pa.Table, within: _Within) -> dict[CapturePlace, Change]:
    sides: Mapping[str, Counter[CapturePlace]] = {
        "before": _counts(before, within),
        "after": _counts(after, within),
        "added": _counts(_rows_without(after, before), within),
        "removed": _counts(_rows_without(before, after), within),
    }
    places = {place for counts in sides.values() for place in counts}
    return {place: Change(**{side: counts[place] for side, counts in sides.items()}) for place in places}


def _rows_without(rows: pa.Table, others: pa.Table) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["sample_id"], value_set=others["sample_id"])))


def _counts(rows: pa.Table, within: _Within) -> Counter[CapturePlace]:
    counts: Counter[CapturePlace] = Counter()
    for item in pc.value_counts(rows["place"].cast(pa.string())).to_pylist():
        counts[within(place_of(item["values"]))] += item["counts"]
    return counts
