"""Cutting sources into segments: ranges of long videos, and buckets of short files."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raypp.ingest.archive_id import pseudonym, segment_id
from raypp.ingest.expectation import expected_bytes
from raypp.ingest.plan import SEGMENT_SCHEMA, SOURCE_SCHEMA, Rows, codes_of, info_text, stacked
from raypp.ingest.probing import Outcome, Probed, SourceGroup
from raypp.ingest.segment import Item
from raypp.ingest.settings import VeilSettings
from raypp.ingest.source_views import views_of
from raypp.media.sampling import cut_points
from raypp.media.source import SourceKind
from raypp.shards.receipt import Quarantined
from raypp.text.address import redacted
from raypp.veil.key import Keyring

_WHOLE_US = 1 << 62
_SEGMENTS_EACH = 4
_LEAST_FILES = 64
_BATCH_ROWS = 1 << 16
_HELD_ROWS = 1 << 12
"""Sources that stand as Python objects at once, a kilobyte each."""


@dataclass(frozen=True)
class Cutting:
    """How sources are cut into segments.

    Attributes:
        settings: the job's settings.
        key: for names of sources and segments.
        workers: how many will work at once; each is to have a few segments of a set of short files.
    """

    settings: VeilSettings
    key: Keyring
    workers: int = 1

    @property
    def shard_bytes(self) -> float:
        """Aimed size of a segment's codes."""
        return self.settings.shard_mb * 1e6


@dataclass
class NewSources:
    """Sources that no plan has yet, with what cutting needs to know of each.

    Attributes:
        cutting: how they are cut.
        places: which one each is, of all sources in order.
        weights: expected bytes of each one's codes.
        ranges: presentation times at which long videos are cut, by row.
        quarantined: sources that cannot be opened.
    """

    cutting: Cutting
    places: "array[int]" = field(default_factory=lambda: array("q"))
    weights: "array[float]" = field(default_factory=lambda: array("d"))
    ranges: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    _held: list[tuple[Any, ...]] = field(default_factory=list)
    _table: pa.Table = field(default_factory=SOURCE_SCHEMA.empty_table)
    _tables: list[pa.Table] = field(default_factory=list)

    def add(self, group: SourceGroup, outcomes: Sequence[Outcome]) -> None:
        """Take a group with what looking into each file told."""
        key, plain = self.cutting.key, self.cutting.settings.plain_names
        weight: float | None = None
        for place, (name, outcome) in enumerate(zip(group.names, outcomes, strict=True)):
            if not isinstance(outcome, Probed):
                self.quarantined.append(Quarantined(source=redacted(f"{group.folder}/{name}"), reason=outcome))
                continue
            identity, captured_at_us, info = outcome
            source = group.relative(place) if plain else pseudonym(key, group.site, identity)
            where = (group.folder, name, group.sizes[place], group.mtimes_ns[place], group.kind, identity)
            slim = None if info is None else replace(info, keyframes_us=())  # long, and only cutting needs it
            row = (*where, source, group.site, group.camera, captured_at_us, group.mask_digest, info_text(slim))
            self._held.append((*row, group.variants, group.views, None))
            if info is not None or weight is None:
                weight = self._weigh(outcome, group)
            self.places.append(group.places[place])
            self.weights.append(weight)
        if len(self._held) >= _HELD_ROWS:
            self._flush()

    def add_planned(self, sources: pa.Table, weights: npt.NDArray[np.float64]) -> None:
        """Take rows of sources that are planned already, and are to be veiled as more views."""
        self._tables.append(sources)
        self.weights.frombytes(weights.tobytes())

    @property
    def table(self) -> pa.Table:
        """All rows in the order in which they were added; identities stand in one piece, since any may be looked up."""
        self._flush()
        if self._tables:
            rows, self._tables = stacked([self._table, *self._tables]), []
            place = SOURCE_SCHEMA.get_field_index("identity")
            self._table = rows.set_column(place, SOURCE_SCHEMA.field(place), rows.column(place).combine_chunks())
        return self._table

    def hand_over(self, rows: Rows) -> pa.Table:
        """Return some rows in an order, and keep none: each column goes as it is copied, so that none stands twice."""
        columns = list(self.table.columns)
        self._table = SOURCE_SCHEMA.empty_table()
        chosen = pa.array(rows)
        for place in range(len(columns)):
            columns[place] = columns[place].take(chosen)
        return pa.Table.from_arrays(columns, schema=SOURCE_SCHEMA)

    def _weigh(self, outcome: Probed, group: SourceGroup) -> float:
        """Expected bytes of a source; of a video too long for a bucket, the ranges are kept."""
        settings, target = self.cutting.settings, self.cutting.shard_bytes
        item = Item(
            url="",
            size=0,
            mtime_ns=None,
            kind=group.kind,
            identity="",
            source="",
            site=group.site,
            camera=group.camera,
            info=outcome.info,
            variants=group.variants,
            views=views_of(group.views),
        )
        weight = expected_bytes(item, settings)
        if group.kind is SourceKind.VIDEO:
            ranges = _ranges(item, weight, settings, target)
            if len(ranges) > 1 or weight >= target / 4:
                self.ranges[len(self.places)] = ranges
        return weight

    def _flush(self) -> None:
        if self._held:
            columns = zip(*self._held, strict=True)
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SOURCE_SCHEMA, strict=True)]
            self._tables.append(pa.Table.from_arrays(arrays, schema=SOURCE_SCHEMA))
        self._held = []


def cut_segments(new: NewSources, rows: Rows) -> tuple[pa.Table, pa.Table]:
    """Cut long videos into ranges, and gather short files of one site and the same views into buckets.

    A bucket comes to at most about one shard.

    Where files are few, buckets are smaller, so that each worker has some of them.

    Args:
        new: the sources, which hand over their rows.
        rows: those that are cut, in the order of their identities.

    Returns:
        Rows of sources and of segments, as a plan has them.
    """
    key, sources = new.cutting.key, new.table.select(["site", "views", "identity"])
    identities = sources.column("identity")
    units: list[tuple[bytes, int, int, int, int, int]] = []
    order: list[Rows] = []
    is_long = np.isin(rows, list(new.ranges))
    for row in rows[is_long].tolist():
        site, word = (sources.column(name)[row].as_py() for name in ("site", "views"))
        ranges = new.ranges[row]
        for part, (start, end) in enumerate(ranges):
            name = segment_id(key, site, identities[row].as_py(), b"%d-%d" % (start, end), *_bytes_of(word))
            units.append((bytes.fromhex(name), 1, start, end, part, len(ranges)))
        order.append(np.repeat(row, len(ranges)))
    weights = np.frombuffer(new.weights)
    most = max(_LEAST_FILES, int((~is_long).sum()) // (_SEGMENTS_EACH * new.cutting.workers))
    for site, word, members in _alike(sources, rows[~is_long]):
        for start, end in _buckets(weights[members], new.cutting.shard_bytes, most):
            bucket = identities.take(pa.array(members[start:end])).to_pylist()
            name = segment_id(key, site, *bucket, *_bytes_of(word))
            units.append((bytes.fromhex(name), end - start, 0, _WHOLE_US, 0, 1))
        order.append(members)
    columns = zip(*units, strict=True) if units else [[]] * len(SEGMENT_SCHEMA)
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SEGMENT_SCHEMA, strict=True)]
    del sources, identities
    chosen = new.hand_over(np.concatenate([np.empty(0, np.int64), *order]))
    return chosen, pa.Table.from_arrays(arrays, schema=SEGMENT_SCHEMA)


def _alike(sources: pa.Table, rows: Rows) -> Iterator[tuple[str, str | None, Rows]]:
    """Rows of each site and views, in the order of their words, those without views first."""
    sites, site_words = codes_of(sources.column("site").combine_chunks())
    views, view_words = codes_of(sources.column("views").combine_chunks())
    together = sites[rows].astype(np.int64) * len(view_words) + views[rows]
    codes: list[int] = np.unique(together).tolist()
    kinds = [(str(site_words[code // len(view_words)]), view_words[code % len(view_words)], code) for code in codes]
    for site, word, code in sorted(kinds, key=lambda kind: (kind[0], kind[1] or "")):
        yield site, word, rows[together == code]


def _bytes_of(word: str | None) -> tuple[bytes, ...]:
    """Return what views add to the name of a segment: nothing where there are none."""
    return () if word is None else (word.encode(),)


def _ranges(item: Item, weight: float, settings: VeilSettings, target: float) -> list[tuple[int, int]]:
    assert item.info is not None  # noqa: S101
    seconds = item.info.duration_us / 1e6
    per_second = weight / max(seconds, 1e-3)
    length_s = min(settings.segment_s, target / max(per_second, 1e-3))
    cuts = cut_points(item.info, settings.sampling, max(1, int(length_s * 1e6)))
    return list(pairwise(cuts))


def _buckets(weights: npt.NDArray[np.float64], target: float, most: int) -> Iterator[tuple[int, int]]:
    """Yield where each bucket starts and ends."""
    start, filled = 0, 0.0
    for block in range(0, len(weights), _BATCH_ROWS):
        for place, weight in enumerate(weights[block : block + _BATCH_ROWS].tolist(), block + 1):
            filled += weight
            if filled >= target or place - start == most:
                yield start, place
                start, filled = place, 0.0
    if start < len(weights):
        yield start, len(weights)
