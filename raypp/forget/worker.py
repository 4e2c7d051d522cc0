"""A worker: writes one shard anew without the rows that are forgotten."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from raypp.errors import ShardError
from raypp.forget.order import SegmentChange
from raypp.ingest.attempts import kept_in_groups
from raypp.ingest.segment import rewritten_shard_path, shard_path
from raypp.io.settings import AbsolutePlace, FrozenSettings
from raypp.key_sources.field import AbsoluteKeyPlace
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import read_archive_header
from raypp.shards.reader import ShardReader
from raypp.shards.receipt import Receipt
from raypp.shards.schema import ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.writer import ContentDigest, ShardWriter


class RewriteSettings(FrozenSettings):
    """Places that a worker needs, and no veil key.

    Attributes:
        archive: a folder or a URL.
        data_key_path: key of the Parquet encryption, or None for plain shards.
    """

    archive: AbsolutePlace
    data_key_path: AbsoluteKeyPlace | None = None

    def load_data_key(self) -> DataKey | None:
        """Read the key of Parquet encryption, if any; raises KeyFileError."""
        return None if self.data_key_path is None else DataKey.load(self.data_key_path)


class SegmentRewrite(BaseModel):
    """A segment's change, and its receipt so far."""

    model_config = ConfigDict(frozen=True)

    change: SegmentChange
    receipt: Receipt


@dataclass(frozen=True)
class RewriteWorker:
    """An archive as a worker has it open, for segment after segment."""

    store: Store
    header: ArchiveHeader
    reader: ShardReader
    data_key: DataKey | None

    @classmethod
    def open(cls, settings: RewriteSettings) -> "RewriteWorker":
        """Open the archive; raises RayppError if it cannot be used."""
        data_key = settings.load_data_key()
        store = Store(settings.archive, data_key)
        return cls(store, read_archive_header(store), ShardReader(settings.archive, data_key), data_key)


def rewrite_segments(segments: Iterable[SegmentRewrite], worker: RewriteWorker) -> Iterator[list[Receipt]]:
    """Write segments anew one after another; yields their receipts in groups, once they are on the disk.

    Raises:
        ShardError: if a shard is not as its receipt says, or the archive cannot be written.
    """
    yield from kept_in_groups((rewrite_segment(segment, worker) for segment in segments), worker.store)


def rewrite_segment(segment: SegmentRewrite, worker: RewriteWorker) -> Receipt:
    """Write a segment's shard anew, beside the one so far; its receipt is the caller's to write.

    Raises:
        ShardError: if the shard is not as its receipt says, or the archive cannot be written.
    """
    change, was = segment.change, segment.receipt
    assert change.becomes is not None  # noqa: S101 - what becomes nothing needs no worker
    rows = _rows_left(segment, worker)
    content = ContentDigest()
    for row in rows:
        content.add(row)
    veil_id = worker.header.veil_id
    relative = (
        shard_path(change.becomes, veil_id)
        if change.becomes != change.segment_id
        else rewritten_shard_path(change.segment_id, veil_id, content.hex())
    )
    with ShardWriter(worker.store, relative, worker.header, worker.data_key, durable=False) as writer:
        for row in rows:
            writer.append(row)
        digest = writer.close() if rows else None
    left = set(change.sources)
    damaged = tuple(source for source in was.damaged if source in left)
    return Receipt(
        segment_id=change.becomes,
        shard=relative if digest else None,
        shard_sha256=digest.sha256 if digest else "",
        shard_bytes=digest.bytes if digest else 0,
        content_sha256=digest.content_sha256 if digest else "",
        frames=len(rows),
        variants=sum(row.variant > 0 for row in rows),
        part=was.part,
        parts=was.parts,
        sources=change.sources,
        first_timestamp_us=rows[0].timestamp_us if rows else None,
        last_timestamp_us=rows[-1].timestamp_us if rows else None,
        decoded_digest="",
        quarantined=tuple(failed for failed in was.quarantined if failed.source in left),
        damaged_packets=was.damaged_packets if damaged or not was.damaged else 0,
        damaged=damaged,
        veil_id=veil_id,
    )


def _rows_left(segment: SegmentRewrite, worker: RewriteWorker) -> list[ShardRow]:
    relative = segment.receipt.shard
    if relative is None:
        return []
    content = worker.store.read(relative)
    if hashlib.sha256(content).hexdigest() != segment.receipt.shard_sha256:
        raise ShardError(
            f"shard {worker.store.root}/{relative} is not as its receipt says; run `raypp verify` on the archive"
        )
    forgotten = set(segment.change.sample_ids)
    return [
        ShardRow(**values)
        for batch in worker.reader.shard(relative, content=content)
        for values in batch.rows.to_pylist()
        if values["sample_id"] not in forgotten
    ]
