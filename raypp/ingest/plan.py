"""The plan of an archive: its sources and segments, in columns, so that ten million sources have room in memory."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from raypp.ingest.segment import Item, Segment
from raypp.ingest.source_views import SourceViews, views_of
from raypp.ingest.tombstones import no_tombstones, read_spans, spans_word
from raypp.media.camera_views import View
from raypp.media.container import VideoInfo
from raypp.media.source import SourceKind
from raypp.shards.receipt import Quarantined

Rows = npt.NDArray[np.int64]

_WORD = pa.dictionary(pa.int32(), pa.string())
SOURCE_SCHEMA = pa.schema(
    [
        ("folder", _WORD),
        ("name", pa.large_string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("kind", _WORD),
        ("identity", pa.binary(32)),
        ("source", pa.large_string()),
        ("site", _WORD),
        ("camera", _WORD),
        ("captured_at_us", pa.int64()),
        ("mask_digest", _WORD),
        ("info", pa.large_string()),
        ("variants", pa.int32()),
        ("views", _WORD),
        ("forgotten", _WORD),
    ]
)
"""Columns of planned sources, as fields of `Item`. A URL is split before its last name.

`info`, `views` and `forgotten` are JSON.
"""
SEGMENT_SCHEMA = pa.schema(
    [
        ("segment_id", pa.binary(16)),
        ("files", pa.int64()),
        ("start_us", pa.int64()),
        ("end_us", pa.int64()),
        ("part", pa.int32()),
        ("parts", pa.int32()),
    ]
)
"""Columns of segments, as fields of `Segment`: each has the next so many rows of the sources."""
_BATCH_SEGMENTS = 256


class Duplicate(BaseModel):
    """A file with the content of another one; it is veiled once."""

    model_config = ConfigDict(frozen=True)

    url: str
    original: str


class _Info(BaseModel):
    """Facts of a container, as they are stored."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    info: VideoInfo


def info_text(info: VideoInfo | None) -> str | None:
    """Return what a container says as JSON, or None of an image."""
    return None if info is None else _Info(info=info).model_dump_json()


class Segments(Sequence[Segment]):
    """Segments of a plan, made as they are asked for.

    Args:
        sources: rows of all sources, in the order of all segments.
        segments: rows of all segments.
        chosen: places of those that this is of; None for all.
    """

    def __init__(self, sources: pa.Table, segments: pa.Table, chosen: Rows | None = None) -> None:
        self._sources = sources
        self._segments = segments
        self._chosen = np.arange(segments.num_rows) if chosen is None else chosen
        files = segments.column("files").to_numpy()
        self._ends = np.cumsum(files)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._chosen)

    def __iter__(self) -> Iterator[Segment]:
        """Make one after another."""
        for start in range(0, len(self), _BATCH_SEGMENTS):
            yield from self._made(self._chosen[start : start + _BATCH_SEGMENTS])

    @overload
    def __getitem__(self, place: int) -> Segment: ...

    @overload
    def __getitem__(self, place: slice) -> "Segments": ...

    def __getitem__(self, place: int | slice) -> "Segment | Segments":
        """Make one, or return some."""
        if isinstance(place, slice):
            return Segments(self._sources, self._segments, self._chosen[place])
        return next(self._made(self._chosen[[place]]))

    def without(self, finished: Container[str]) -> "Segments":
        """Return those that are not finished."""
        return self._where([name not in finished for name in self.names()])

    def among(self, names: Container[str]) -> "Segments":
        """Return those of some names."""
        return self._where([name in names for name in self.names()])

    def names(self) -> Iterator[str]:
        """Yield the segment_id of each."""
        return (name.hex() for name in self._segments.column("segment_id").take(pa.array(self._chosen)).to_pylist())

    def _where(self, wanted: Sequence[bool]) -> "Segments":
        return Segments(self._sources, self._segments, self._chosen[np.array(wanted, dtype=np.bool_)])

    def _made(self, places: Rows) -> Iterator[Segment]:
        for place, row in zip(places.tolist(), self._segments.take(pa.array(places)).to_pylist(), strict=True):
            count, name = row.pop("files"), row.pop("segment_id").hex()
            members = self._sources.slice(self._ends[place] - count, count)
            yield Segment(segment_id=name, items=tuple(items_of(members)), **row)


@dataclass(frozen=True)
class VeilPlan:
    """Everything a job knows before it starts; kept on the owner's side so that a later run cuts nothing anew.

    Attributes:
        sources: rows as `SOURCE_SCHEMA` has them, in the order of segments; a video has one for each of its segments.
        segment_rows: rows as `SEGMENT_SCHEMA` has them, in the order they are done.
        quarantined: sources that cannot be opened, with plain names.
        duplicates: files left out because another has the same content.
        time_from, timezone: where capture times of these segments come from.
        tombstones: identities, 32 bytes each, of sources that were forgotten as a whole.
        passed_by: how many sources of this run are left out since they were forgotten.
    """

    sources: pa.Table = field(default_factory=SOURCE_SCHEMA.empty_table)
    segment_rows: pa.Table = field(default_factory=SEGMENT_SCHEMA.empty_table)
    quarantined: tuple[Quarantined, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    time_from: str | None = None
    timezone: str = "UTC"
    tombstones: pa.Array = field(default_factory=no_tombstones)
    passed_by: int = 0

    @property
    def segments(self) -> Segments:
        """Units of work in the order they are done."""
        return Segments(self.sources, self.segment_rows)

    @property
    def source_count(self) -> int:
        """Number of planned sources."""
        return len(self._once())

    @property
    def source_bytes(self) -> int:
        """Bytes of all planned sources."""
        return int(self.sources.column("size").to_numpy()[self._once()].sum())

    def items(self) -> Iterator[Item]:
        """Yield each planned source once."""
        yield from self._items(self._once())

    def videos(self) -> Iterator[Item]:
        """Yield each planned video once."""
        codes, words = codes_of(self.sources.column("kind").combine_chunks())
        once = self._once()
        number = words.index(SourceKind.VIDEO.value) if SourceKind.VIDEO.value in words else -1
        yield from self._items(once[codes[once] == number])

    def cameras(self) -> set[tuple[str, str]]:
        """Return site and camera of all sources."""
        return {(site, camera) for site, camera, _ in camera_words(self.sources)}

    def views(self) -> dict[tuple[str, str], View]:
        """Return the views of parts of frames, by site and by the name of their own camera."""
        return {
            (site, view.camera): view
            for site, camera, word in camera_words(self.sources)
            for view in views_of(word).of(camera)
            if view.rectangle is not None
        }

    def _items(self, rows: Rows) -> Iterator[Item]:
        for start in range(0, len(rows), _BATCH_SEGMENTS):
            yield from items_of(self.sources.take(pa.array(rows[start : start + _BATCH_SEGMENTS])))

    def viewed_segments(self) -> Iterator[tuple[str, SourceViews]]:
        """Yield the name of each segment whose frames have views of parts, and what is veiled of each."""
        if not self.segment_rows.num_rows:
            return
        codes, words = codes_of(self.sources.column("views").combine_chunks())
        files = self.segment_rows.column("files").to_numpy()
        firsts = codes[np.cumsum(files) - files]  # a segment's sources all have the same views
        for code, name in zip(firsts.tolist(), self.segments.names(), strict=True):
            views = views_of(words[code])
            if views.views:
                yield name, views

    def _once(self) -> Rows:
        """Rows of the sources that are the first of theirs."""
        first = self.segment_rows.column("part").to_numpy() == 0
        rows = np.repeat(first, self.segment_rows.column("files").to_numpy())
        return np.flatnonzero(rows & ~added_rows(self.sources))


def camera_words(sources: pa.Table) -> set[tuple[str, str, str | None]]:
    """Return site, camera and views, as the plan writes them, of rows of sources."""
    return {triple for batch in sources.select(["site", "camera", "views"]).to_batches() for triple in _triples(batch)}


def _triples(batch: pa.RecordBatch) -> Iterator[tuple[str, str, str | None]]:
    columns = [codes_of(column) for column in batch.columns]
    together = np.zeros(batch.num_rows, np.int64)
    for codes, words in columns:
        together = together * len(words) + codes
    for code in np.unique(together).tolist():
        parts: list[str | None] = []
        for _, words in reversed(columns):
            code, place = divmod(code, len(words))  # noqa: PLW2901
            parts.append(words[place])
        word, camera, site = parts
        assert site is not None and camera is not None  # noqa: S101, PT018 - every source has both
        yield site, camera, word


def codes_of(column: pa.Array) -> tuple[Rows, list[str | None]]:
    """Return numbers of a column's words by row, and the words; that of none is the last."""
    words: list[str | None] = column.dictionary.to_pylist()
    return column.indices.fill_null(len(words)).to_numpy(zero_copy_only=False), [*words, None]


def added_rows(sources: pa.Table) -> npt.NDArray[np.bool_]:
    """Return bool[N]: which rows are of views that were added to sources planned before."""
    column = sources.column("views")
    if column.null_count == len(column):
        return np.zeros(len(column), np.bool_)
    codes, words = codes_of(column.combine_chunks())
    return np.array([views_of(word).added for word in words])[codes]


def rows_by_folder(sources: pa.Table) -> dict[str | None, Rows]:
    """Return which rows are of each folder, in order."""
    codes, words = codes_of(sources.column("folder").combine_chunks())
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(words) + 1))
    return {word: order[ends[code] : ends[code + 1]] for code, word in enumerate(words)}


def plan_of(segments: Iterable[Segment], time_from: str | None = None, timezone: str = "UTC") -> VeilPlan:
    """Make a plan of segments."""
    rows: list[dict[str, Any]] = []
    units: list[dict[str, Any]] = []
    for segment in segments:
        unit = segment.model_dump(include={"start_us", "end_us", "part", "parts"})
        units.append({**unit, "segment_id": bytes.fromhex(segment.segment_id), "files": len(segment.items)})
        rows += map(_row, segment.items)
    return VeilPlan(
        pa.Table.from_pylist(rows, SOURCE_SCHEMA),
        pa.Table.from_pylist(units, SEGMENT_SCHEMA),
        time_from=time_from,
        timezone=timezone,
    )


def _row(item: Item) -> dict[str, Any]:
    folder, _, name = item.url.rpartition("/")
    row = item.model_dump(exclude={"url", "info", "views", "forgotten"})
    return {
        **row,
        "folder": folder,
        "name": name,
        "identity": bytes.fromhex(item.identity),
        "info": info_text(item.info),
        "views": None if item.views is None else item.views.word,
        "forgotten": spans_word(item.forgotten),
    }


def _item(row: dict[str, Any]) -> Item:
    info, word, forgotten = row.pop("info"), row.pop("views"), row.pop("forgotten")
    return Item(
        url=f"{row.pop('folder')}/{row.pop('name')}",
        identity=row.pop("identity").hex(),
        info=None if info is None else _Info.model_validate_json(info).info,
        views=None if word is None else views_of(word),
        forgotten=read_spans(forgotten),
        **row,
    )


def items_of(sources: pa.Table) -> Iterator[Item]:
    """Yield the sources of rows."""
    return map(_item, sources.to_pylist())


def stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """Return rows one after another, with one dictionary of words for each column."""
    return pa.concat_tables(tables).unify_dictionaries()


def places_of(identities: pa.ChunkedArray, wanted: pa.ChunkedArray) -> tuple[Rows, Rows]:
    """Return which rows have a wanted identity, and which of the wanted it is."""
    indices = pc.index_in(identities, value_set=wanted).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(~np.isnan(indices))
    return rows, indices[rows].astype(np.int64)
