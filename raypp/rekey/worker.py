"""A worker: turns one shard under the old key into the shard that veiling anew under the new key gives."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from raypp.errors import ShardError
from raypp.geometry.window import Window
from raypp.ingest.attempts import kept_in_groups
from raypp.ingest.segment import shard_path
from raypp.media.source import SourceKind
from raypp.rekey.rows import FrameName, RowNames, RowOrigin
from raypp.rekey.segment import RekeyedSegment
from raypp.rekey.settings import ArchiveRekeying
from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader
from raypp.shards.receipt import Quarantined, Receipt
from raypp.shards.schema import ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.writer import ShardDigest, ShardWriter
from raypp.veil.key import VeilKey
from raypp.veil.packing import pack, unpack
from raypp.veil.renaming import renaming
from raypp.veil.substitution import Substitution, every_substitution


@dataclass(frozen=True)
class RekeyWorker:
    """Keys, archives and tables of a worker, for segment after segment; opened once, where it runs.

    Attributes:
        settings: what is translated.
        keys: the owner's old key, and the new one.
        reader: of the archive under the old key.
        store: the archive under the new key.
        header: its header.
        data_key: of both, or None.
        tables: from codes of each sub-key of the old key to those of each of the new one.
    """

    settings: ArchiveRekeying
    keys: tuple[VeilKey, VeilKey]
    reader: ShardReader
    store: Store
    header: ArchiveHeader
    data_key: DataKey | None
    tables: Sequence[Sequence[Substitution]]

    @classmethod
    def open(cls, settings: ArchiveRekeying) -> "RekeyWorker":
        """Read keys and open both archives; raises RayppError for any that cannot be used."""
        old, new = settings.load_keys()
        data_key = settings.load_data_key()
        reader = ShardReader(settings.archive, data_key)
        names = every_substitution(settings.new_spec, new)
        return cls(
            settings=settings,
            keys=(old, new),
            reader=reader,
            store=Store(settings.out, data_key),
            header=settings.header(reader.header, new),
            data_key=data_key,
            tables=[[renaming(was, now) for now in names] for was in every_substitution(settings.old_spec, old)],
        )

    def sub_keys(self, origin: RowOrigin) -> tuple[int, int]:
        """Return the sub-key of a row's stream under either key."""
        specs = self.settings.old_spec, self.settings.new_spec
        images = [
            bytes.fromhex(item.identity) if item.kind is SourceKind.IMAGE else None for item in (origin.old, origin.new)
        ]
        was, now = (
            key.sub_key(spec, origin.old.site, origin.view.camera, image)
            for key, spec, image in zip(self.keys, specs, images, strict=True)
        )
        return was, now


def translate(segments: Iterable[RekeyedSegment], worker: RekeyWorker) -> Iterator[list[Receipt]]:
    """Translate segments one after another; yields their receipts in groups, once they are on the disk.

    Raises:
        ShardError: if a shard is not as its receipt says, or the output cannot be written.
    """
    yield from kept_in_groups((translate_segment(segment, worker) for segment in segments), worker.store)


def translate_segment(segment: RekeyedSegment, worker: RekeyWorker) -> Receipt:
    """Translate a segment's shard; its receipt is the caller's to write, and `Store.sync` brings the shard to the disk.

    Raises:
        ShardError: if the shard is not as its receipt says, or the output cannot be written.
    """
    rows = _rows(segment, worker)
    relative = shard_path(segment.new.segment_id, worker.header.veil_id)
    with ShardWriter(worker.store, relative, worker.header, worker.data_key, durable=False) as writer:
        for row in rows:
            writer.append(row)
        digest = writer.close() if rows else None
    return _receipt(segment, rows, digest, relative, worker.header.veil_id)


def _rows(segment: RekeyedSegment, worker: RekeyWorker) -> list[ShardRow]:
    """The segment's rows under the new key, in the order of its sources there."""
    relative = segment.receipt.shard
    if relative is None:
        return []
    content = worker.reader.store.read(relative)
    if hashlib.sha256(content).hexdigest() != segment.receipt.shard_sha256:
        raise ShardError(
            f"shard {worker.reader.store.root}/{relative} is not as its receipt says; run `raypp verify` on the archive"
        )
    names = RowNames(segment.old, segment.new, worker.keys)
    sub_keys: dict[tuple[int, str], tuple[int, int]] = {}
    placed: list[tuple[int, ShardRow]] = []
    for batch in worker.reader.shard(relative, content=content):
        for row in (ShardRow(**values) for values in batch.rows.to_pylist()):
            origin = names.find(FrameName(row.sample_id, row.camera, row.source, row.timestamp_us, row.variant))
            stream = origin.place, row.camera
            if stream not in sub_keys:
                sub_keys[stream] = worker.sub_keys(origin)
            placed.append((origin.place, _translated(row, origin, sub_keys[stream], worker)))
    placed.sort(key=lambda pair: pair[0])  # stable: rows of one source keep their order
    return [row for _, row in placed]


def _translated(row: ShardRow, origin: RowOrigin, sub_keys: tuple[int, int], worker: RekeyWorker) -> ShardRow:
    was, now = sub_keys
    if was != row.sub_key:
        raise ShardError(f"sample {row.sample_id} has sub-key {row.sub_key}, its stream {was}; run `raypp verify`")
    header = worker.header
    window = Window(header.size, header.patch, row.width, row.height)
    try:
        code = unpack(row.code, (header.channels, window.rows, window.columns), header.bits)
    except ValueError as error:
        raise ShardError(f"the code of sample {row.sample_id} does not fit its frame: {error}") from None
    packed = pack(worker.tables[was][now].apply(code), header.bits)
    return replace(row, sample_id=origin.sample_id, source=origin.new.source, sub_key=now, code=packed)


def _receipt(
    segment: RekeyedSegment, rows: Sequence[ShardRow], digest: ShardDigest | None, relative: str, veil_id: str
) -> Receipt:
    """The receipt of veiling anew, but for the digest of decoded frames: nobody has decoded any."""
    was = segment.receipt
    was_called = {item.url: item.source for item in segment.old.items}
    sources = {was_called[item.url]: item.source for item in segment.new.items}
    places = {source: place for place, source in enumerate(sources)}
    quarantined = sorted(was.quarantined, key=lambda failed: places.get(failed.source, -1))
    return Receipt(
        segment_id=segment.new.segment_id,
        shard=relative if digest else None,
        shard_sha256=digest.sha256 if digest else "",
        shard_bytes=digest.bytes if digest else 0,
        content_sha256=digest.content_sha256 if digest else "",
        frames=was.frames,
        variants=was.variants,
        part=was.part,
        parts=was.parts,
        sources=tuple(item.source for item in segment.new.items),
        first_timestamp_us=rows[0].timestamp_us if rows else None,
        last_timestamp_us=rows[-1].timestamp_us if rows else None,
        decoded_digest="" if rows else was.decoded_digest,
        quarantined=tuple(_quarantined(failed, sources) for failed in quarantined),
        damaged_packets=was.damaged_packets,
        damaged=tuple(sources[source] for source in sorted(was.damaged, key=lambda name: places[name])),
        veil_id=veil_id,
    )


def _quarantined(failed: Quarantined, sources: dict[str, str]) -> Quarantined:
    source = sources[failed.source]
    return Quarantined(source=source, reason=failed.reason.replace(failed.source, source))
