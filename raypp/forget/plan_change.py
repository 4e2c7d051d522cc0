"""A plan without what is forgotten, and with tombstones in its place."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raypp.forget.scan import name_without
from raypp.forget.work import ForgottenSource
from raypp.ingest.known_sources import url_of
from raypp.ingest.plan import SEGMENT_SCHEMA, SOURCE_SCHEMA, VeilPlan
from raypp.ingest.tombstones import IDENTITY, are_forgotten, read_spans, spans_word
from raypp.veil.key import VeilKey

_Mask = npt.NDArray[np.bool_]


def forget_in_plan(plan: VeilPlan, sources: Sequence[ForgottenSource], key: VeilKey) -> tuple[VeilPlan, set[str]]:
    """Return a plan without what is forgotten, and the places of sources that went; again, it changes nothing.

    Args:
        plan: the archive's.
        sources: of which something is forgotten.
        key: the owner's, which names segments.
    """
    whole = pa.array([bytes.fromhex(source.identity) for source in sources if not source.spans], IDENTITY)
    gone = are_forgotten(plan.sources.column("identity"), whole)
    places = {url_of(plan.sources, row) for row in np.flatnonzero(gone).tolist()}
    copies = tuple(copy for copy in plan.duplicates if copy.original not in places and copy.url not in places)
    places |= {copy.url for copy in plan.duplicates if copy not in copies}
    tombstones = sorted({*plan.tombstones.to_pylist(), *whole.to_pylist()})
    left = replace(
        plan,
        sources=_without_unused_words(_with_spans(plan.sources, sources).filter(pa.array(~gone))),
        segment_rows=_segments_left(plan, gone, key),
        duplicates=copies,
        tombstones=pa.array(tombstones, IDENTITY),
    )
    return left, places


def _segments_left(plan: VeilPlan, gone: _Mask, key: VeilKey) -> pa.Table:
    rows = plan.segment_rows
    if not rows.num_rows:
        return rows
    files = rows.column("files").to_numpy()
    left = np.add.reduceat((~gone).astype(np.int64), np.cumsum(files) - files)
    names = rows.column("segment_id").to_pylist()
    ends = np.cumsum(files)
    for place in np.flatnonzero((left > 0) & (left < files)).tolist():
        segment = plan.segments[place]
        stays = ~gone[ends[place] - files[place] : ends[place]]
        kept = tuple(item for item, keeps in zip(segment.items, stays, strict=True) if keeps)
        name = name_without(segment, kept, key)
        assert name is not None  # noqa: S101 - some are kept
        names[place] = bytes.fromhex(name)
    for name, values in (("segment_id", names), ("files", left)):
        place = SEGMENT_SCHEMA.get_field_index(name)
        field = SEGMENT_SCHEMA.field(place)
        rows = rows.set_column(place, field, pa.array(values, field.type))
    return rows.filter(pa.array(left > 0))


def _with_spans(table: pa.Table, sources: Sequence[ForgottenSource]) -> pa.Table:
    spans = {bytes.fromhex(source.identity): source.spans for source in sources if source.spans}
    if not spans:
        return table
    columns = (table.column(name).to_pylist() for name in ("identity", "forgotten"))
    words = [
        spans_word((*read_spans(word), *spans[identity])) if identity in spans else word
        for identity, word in zip(*columns, strict=True)
    ]
    place = SOURCE_SCHEMA.get_field_index("forgotten")
    field = SOURCE_SCHEMA.field(place)
    return table.set_column(place, field, pa.array(words, pa.string()).dictionary_encode().cast(field.type))


def _without_unused_words(table: pa.Table) -> pa.Table:
    """The rows with dictionaries of their own: one of more rows would still hold folders and cameras that went."""
    columns = []
    for field, column in zip(SOURCE_SCHEMA, table.columns, strict=True):
        if pa.types.is_dictionary(field.type):
            column = column.combine_chunks().cast(field.type.value_type).dictionary_encode()  # noqa: PLW2901
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=SOURCE_SCHEMA)
