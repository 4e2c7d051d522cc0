"""A worker: veils one segment of the sources into one shard, the same bytes whenever and wherever it is done."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

from raypp.errors import MediaError, SourceReadError
from raypp.ingest.segment import Item, Segment, SegmentResult, shard_path
from raypp.ingest.settings import VeilSettings
from raypp.ingest.variants import Version, frame_versions
from raypp.media.camera_views import View
from raypp.media.files import SourceStream, open_source
from raypp.media.frame import Frame
from raypp.media.image import decode_views
from raypp.media.masks import MaskSet
from raypp.media.source import SourceKind
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode_as
from raypp.media.view_rendering import ViewRenderer
from raypp.shards.encryption import DataKey
from raypp.shards.receipt import Quarantined, Receipt
from raypp.shards.schema import HEADER_FILE, ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.writer import ShardWriter
from raypp.text.address import redacted
from raypp.veil.derivation import keyed_hash
from raypp.veil.key import Keyring
from raypp.veil.packing import pack
from raypp.veil.patch import PatchEncoder
from raypp.veil.veil import CPU_DEVICE, Encoder, Veil, open_veil


@dataclass(frozen=True)
class SegmentWorker:
    """Key and veil of a worker, for segment after segment; read once, from files, where it runs."""

    settings: VeilSettings
    key: Keyring
    veil: Veil
    store: Store
    header: ArchiveHeader
    masks: MaskSet | None
    data_key: DataKey | None

    @classmethod
    def open(cls, settings: VeilSettings) -> "SegmentWorker":
        """Read keys and masks and open the output; raises RayppError for any that cannot be used."""
        key, data_key = settings.load_key(), settings.load_data_key()
        store = Store(settings.out, data_key)
        return cls(
            settings=settings,
            key=key,
            veil=open_veil(settings.spec, key, settings.encoder_path, settings.device),
            store=store,
            header=_as_begun(store, settings.header(key)),
            masks=settings.load_masks(),
            data_key=data_key,
        )

    def encoder(self, item: Item, view: View | None = None) -> Encoder:
        """Return the encoder of a view of an item: its camera's for video, its own for a still image.

        Args:
            item: the source.
            view: one of its views; None for the whole frame.
        """
        image = bytes.fromhex(item.identity) if item.kind is SourceKind.IMAGE else None
        encoder = self.veil.stream(item.site, view.camera if view else item.camera, image)
        if self.settings.device == CPU_DEVICE or not isinstance(encoder, PatchEncoder):
            return encoder
        from raypp.veil.patch_torch import TorchPatchEncoder  # noqa: PLC0415 - torch only where it was asked for

        return TorchPatchEncoder(encoder, self.settings.device)


def _as_begun(store: Store, header: ArchiveHeader) -> ArchiveHeader:
    """The header in the schema version that the archive was begun in; another archive's is for the job to refuse."""
    if not store.exists(HEADER_FILE):
        return header
    begun = ArchiveHeader.from_bytes(store.read(HEADER_FILE))
    return header.model_copy(update={"schema_version": begun.schema_version}) if begun.encrypted else header


@dataclass
class _Figures:
    """Running figures of a segment; `digest` chains a keyed hash over the pixels that were veiled."""

    digest: bytes = bytes(32)
    frames: int = 0
    variants: int = 0
    first_us: int | None = None
    last_us: int | None = None
    damaged: int = 0
    damaged_sources: list[str] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    bytes_read: int = 0
    decode_s: float = 0.0
    variant_s: float = 0.0
    veil_s: float = 0.0
    write_s: float = 0.0


def veil_segment(segment: Segment, worker: SegmentWorker) -> SegmentResult:
    """Decode, mask, letterbox and veil a segment into one shard; its receipt is the caller's to write.

    The shard appears whole or not at all, and `Store.sync` brings it to the disk. A source that cannot be decoded is
    quarantined in the receipt and harms nothing else.

    Args:
        segment: the work.
        worker: the worker's veil, keys and output.

    Returns:
        The receipt and this run's figures.

    Raises:
        ShardError: if the output cannot be written (a full disk, say).
        SourceReadError: if a source cannot be read just now; nothing is written.
    """
    figures = _Figures()
    relative = shard_path(segment.segment_id, worker.veil.veil_id)
    with ShardWriter(worker.store, relative, worker.header, worker.data_key, durable=False) as writer:
        for item in segment.items:
            try:
                _veil_item(item, segment, worker, writer, figures)
            except SourceReadError:
                raise
            except MediaError as error:
                figures.quarantined.append(Quarantined(source=item.source, reason=_public_reason(item, error)))
        digest = writer.close() if figures.frames else None
    receipt = Receipt(
        segment_id=segment.segment_id,
        shard=relative if digest else None,
        shard_sha256=digest.sha256 if digest else "",
        shard_bytes=digest.bytes if digest else 0,
        content_sha256=digest.content_sha256 if digest else "",
        frames=figures.frames,
        variants=figures.variants,
        part=segment.part,
        parts=segment.parts,
        sources=tuple(item.source for item in segment.items),
        first_timestamp_us=figures.first_us,
        last_timestamp_us=figures.last_us,
        decoded_digest="" if any(item.forgotten for item in segment.items) else figures.digest.hex(),
        quarantined=tuple(figures.quarantined),
        damaged_packets=figures.damaged,
        damaged=tuple(figures.damaged_sources),
        veil_id=worker.veil.veil_id,
    )
    return SegmentResult(
        receipt=receipt,
        bytes_read=figures.bytes_read,
        decode_s=figures.decode_s,
        variant_s=figures.variant_s,
        veil_s=figures.veil_s,
        write_s=figures.write_s,
    )


def _veil_item(item: Item, segment: Segment, worker: SegmentWorker, writer: ShardWriter, figures: _Figures) -> None:
    views = item.all_views
    encoders = [worker.encoder(item, view) for view in views]
    digest_secret = worker.key.hash_secret(item.site, "digest")
    report = DecodeReport()
    stream = open_source(item.url)
    try:
        decoded = item_frames(item, segment, worker, stream, report)
        while True:
            started = perf_counter()
            frames = next(decoded, None)
            begun = perf_counter()
            if frames is None:
                break
            figures.decode_s += begun - started
            for view, encoder, frame in zip(views, encoders, frames, strict=True):
                if item.has_forgotten(view.camera, frame.timestamp_us):
                    continue
                figures.first_us = frame.timestamp_us if figures.first_us is None else figures.first_us
                figures.last_us = frame.timestamp_us
                for version in frame_versions(frame, view, item, worker):
                    prepared = perf_counter()
                    packed = pack(encoder.encode(version.pixels[None])[0], worker.settings.spec.bits)
                    veiled = perf_counter()
                    figures.digest = keyed_hash(digest_secret, figures.digest, version.pixels.tobytes())
                    writer.append(_row(frame, version, item, view, (encoder.sub_key, packed)))
                    figures.frames += 1
                    figures.variants += version.variant > 0
                    figures.variant_s += prepared - begun
                    figures.veil_s += veiled - prepared
                    begun = perf_counter()
                    figures.write_s += begun - veiled
    finally:
        figures.bytes_read += stream.bytes_read
        figures.damaged += report.damaged
        if report.damaged:
            figures.damaged_sources.append(item.source)
        stream.close()


def _row(frame: Frame, version: Version, item: Item, view: View, veiled: tuple[int, bytes]) -> ShardRow:
    sub_key, code = veiled
    return ShardRow(
        sample_id=version.sample_id,
        site=item.site,
        camera=view.camera,
        source=item.source,
        frame_index=frame.frame_index,
        timestamp_us=frame.timestamp_us,
        captured_at_us=None if item.captured_at_us is None else item.captured_at_us + frame.timestamp_us,
        sub_key=sub_key,
        code=code,
        width=frame.source_width,
        height=frame.source_height,
        variant=version.variant,
        variants=item.variants,
    )


def item_frames(
    item: Item, segment: Segment, worker: SegmentWorker, stream: SourceStream, report: DecodeReport
) -> Iterator[tuple[Frame, ...]]:
    """Decode an item's frames once, each in all of its views: the segment's range of a single video, else all of it.

    Args:
        item: the source.
        segment: the work.
        worker: knows size and masks.
        stream: the opened file.
        report: counts what was decoded and what was damaged.

    Raises:
        MediaError: if it cannot be decoded, or a view has too few pixels.
        SourceReadError: if it cannot be read.
    """
    settings = worker.settings
    mask = worker.masks.for_camera(item.site, item.camera) if worker.masks else None
    if item.info is None:
        yield decode_views(stream, item.all_views, settings.size, settings.spec.patch, mask)
        return
    render = ViewRenderer(item.all_views, settings.size, settings.spec.patch, item.info.orientation, mask)
    span = segment.start_us, segment.end_us
    yield from decode_as(stream, item.info, *span, settings.sampling, render, report=report)


def _public_reason(item: Item, error: MediaError) -> str:
    """The reason with the plain place and name of the file taken out: receipts leave the perimeter."""
    return str(error).replace(redacted(item.url), item.source)  # as it stands in an error
