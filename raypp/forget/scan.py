"""Rows of an archive that are to be forgotten, found without reading a code."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from raypp.forget.order import SegmentChange
from raypp.forget.work import ForgottenSource
from raypp.ingest.archive_id import sample_id
from raypp.ingest.plan import VeilPlan
from raypp.ingest.segment import Item, Segment
from raypp.ingest.segment_name import name_segment
from raypp.ingest.tombstones import ForgottenSpan
from raypp.media.camera_views import View
from raypp.shards.reader import ShardReader
from raypp.shards.receipt import Receipt
from raypp.veil.key import VeilKey

_COLUMNS = ("sample_id", "camera", "source", "timestamp_us", "variant")
_BATCH_ROWS = 4096


@dataclass(frozen=True)
class Findings:
    """Changes that a selection comes to in an archive.

    Attributes:
        changes: of segments, in the order of their names.
        sources: of which something is forgotten, in the order of their identities.
        variants: how many of the forgotten rows are variants.
    """

    changes: tuple[SegmentChange, ...]
    sources: tuple[ForgottenSource, ...]
    variants: int


@dataclass
class _Touched:
    """A segment that holds a source of which something is to be forgotten."""

    segment: Segment
    receipt: Receipt | None
    forgotten: list[str] = field(default_factory=list)


def find_forgotten(spans: Mapping[str, ForgottenSpan], plan: VeilPlan, reader: ShardReader, key: VeilKey) -> Findings:
    """Find what is to be forgotten.

    A source of which no frame is left is forgotten as a whole; one that has no frame in the span is left alone.

    Args:
        spans: which frames, by identity of their source, hex.
        plan: the archive's.
        reader: of the archive.
        key: the owner's.

    Raises:
        ShardError: if a shard is missing or damaged.
    """
    receipts = {receipt.segment_id: receipt for receipt in reader.manifest.receipts}
    touched = [
        _Touched(segment, receipts.get(segment.segment_id))
        for segment in plan.segments
        if any(item.identity in spans for item in segment.items)
    ]
    gone: dict[str, int] = defaultdict(int)
    left: dict[str, int] = defaultdict(int)
    variants = 0
    for part in touched:
        for item, row in _rows(part, reader, key):
            span = spans.get(item.identity)
            if span is not None and span.covers(row["camera"], row["timestamp_us"]):
                gone[item.identity] += 1
                part.forgotten.append(row["sample_id"])
                variants += row["variant"] > 0
            else:
                left[item.identity] += 1
    unveiled = {item.identity for part in touched if part.receipt is None for item in part.segment.items}
    sources = []
    for identity, span in sorted(spans.items()):
        if span.is_whole or (gone[identity] and not left[identity] and identity not in unveiled):
            sources.append(ForgottenSource(identity=identity))
        elif gone[identity] or identity in unveiled:
            sources.append(ForgottenSource(identity=identity, spans=(span,)))
    whole = {source.identity for source in sources if not source.spans}
    changes = sorted(_changes(touched, whole, key), key=lambda change: change.segment_id)
    return Findings(tuple(changes), tuple(sources), variants)


def _changes(touched: list[_Touched], whole: set[str], key: VeilKey) -> Iterator[SegmentChange]:
    for part in touched:
        items = part.segment.items
        kept = tuple(item for item in items if item.identity not in whole)
        if part.receipt is None or (len(kept) == len(items) and not part.forgotten):
            continue
        yield SegmentChange(
            segment_id=part.segment.segment_id,
            content=part.receipt.content_sha256,
            becomes=name_without(part.segment, kept, key),
            sources=tuple(item.source for item in kept),
            sample_ids=tuple(part.forgotten),
        )


def name_without(segment: Segment, kept: tuple[Item, ...], key: VeilKey) -> str | None:
    """Return the name of a segment of which only some sources are kept; None where none is."""
    if not kept:
        return None
    if len(kept) == len(segment.items):
        return segment.segment_id
    return name_segment(key, segment.model_copy(update={"items": kept}), of_range=False)


def _rows(part: _Touched, reader: ShardReader, key: VeilKey) -> Iterator[tuple[Item, dict[str, Any]]]:
    if part.receipt is None or part.receipt.shard is None:
        return
    candidates: dict[tuple[str, str], list[tuple[Item, View]]] = defaultdict(list)
    for item in part.segment.items:
        for view in item.all_views:
            candidates[item.source, view.camera].append((item, view))
    for batch in reader.shard(part.receipt.shard, _COLUMNS, _BATCH_ROWS):
        for row in batch.rows.to_pylist():
            those = candidates[row["source"], row["camera"]]
            for item, view in those:
                if len(those) == 1 or _sample_id(key, item, view, row) == row["sample_id"]:
                    yield item, row
                    break


def _sample_id(key: VeilKey, item: Item, view: View, row: dict[str, Any]) -> str:
    # Plain names may be those of several files.
    return sample_id(key, item.site, bytes.fromhex(item.identity), row["timestamp_us"], row["variant"], view.name)
