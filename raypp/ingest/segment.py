"""Values of the work on an archive: items, segments, results, and where they lie."""

from pydantic import BaseModel, ConfigDict

from raypp.ingest.source_views import WHOLE, SourceViews
from raypp.ingest.tombstones import Spans
from raypp.media.camera_views import View
from raypp.media.container import VideoInfo
from raypp.media.source import SourceKind
from raypp.shards.receipt import Receipt


class Item(BaseModel):
    """One source as planned: where it is, who it is, and what it is.

    Attributes:
        url: where the file is now; plain, so it never enters a shard or a receipt.
        size: bytes.
        mtime_ns: time of change where known, by which a later run sees that it need not look again.
        kind: video or image.
        identity: keyed hash of the content, hex.
        source: the source's name in shards: pseudonym, or plain name if the owner asked for it.
        site, camera: where it was taken.
        captured_at_us: capture time of presentation time 0, UTC microseconds, or None.
        mask_digest: digest of the privacy mask it is veiled with, or None.
        info: what the container says, for videos.
        variants: how many variants of each of its frames are veiled beside it.
        views: what is veiled of each of its frames, or None for the whole alone.
        forgotten: frames of it that were forgotten, and are veiled no more.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    url: str
    size: int
    mtime_ns: int | None
    kind: SourceKind
    identity: str
    source: str
    site: str
    camera: str
    captured_at_us: int | None = None
    mask_digest: str | None = None
    info: VideoInfo | None = None
    variants: int = 0
    views: SourceViews | None = None
    forgotten: Spans = ()

    @property
    def all_views(self) -> tuple[View, ...]:
        """Views of each of its frames, the whole first if there is one."""
        return (self.views or WHOLE).of(self.camera)

    def has_forgotten(self, camera: str, timestamp_us: int) -> bool:
        """Whether a frame of one of its views was forgotten."""
        return any(span.covers(camera, timestamp_us) for span in self.forgotten)


class Segment(BaseModel):
    """A presentation-time range of one video, or a bucket of whole short files.

    Attributes:
        segment_id: 32 hex digits, a pure function of what the segment covers.
        items: one video, or the files of a bucket, sorted by identity.
        start_us, end_us: presentation time covered of a single video; the whole of it for buckets.
        part, parts: this is part `part` of `parts` of its video; 0 of 1 for buckets.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    segment_id: str
    items: tuple[Item, ...]
    start_us: int
    end_us: int
    part: int = 0
    parts: int = 1


class SegmentResult(BaseModel):
    """Result of a segment: the canonical receipt, and figures that differ from run to run."""

    model_config = ConfigDict(frozen=True)

    receipt: Receipt
    bytes_read: int
    decode_s: float
    variant_s: float
    veil_s: float
    write_s: float


def shard_path(segment_id: str, veil_id: str) -> str:
    """Where a segment's shard lies in the archive: a pure function of segment and veil."""
    return f"shards/{segment_id[:2]}/{segment_id}-{veil_id[:8]}.parquet"


def rewritten_shard_path(segment_id: str, veil_id: str, content_sha256: str) -> str:
    """Where the shard of a segment lies of which some frames were forgotten; the one before stays until it is whole."""
    return f"{shard_path(segment_id, veil_id).removesuffix('.parquet')}-{content_sha256[:16]}.parquet"


def receipt_path(segment_id: str) -> str:
    """Where a segment's receipt lies while the job runs."""
    return f"receipts/{segment_id}.json"
