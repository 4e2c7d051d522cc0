"""Summary of a veil job, for people and for machines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from raypp.ingest.attempts import Unfinished
from raypp.ingest.ignored import IGNORED, IGNORED_FILES, named_ignored, others_in_words
from raypp.ingest.plan import VeilPlan
from raypp.ingest.segment import Item, Segment, SegmentResult
from raypp.ingest.source_views import SourceViews
from raypp.io.private import write_private
from raypp.media.dataset import LabelCount
from raypp.shards.manifest import Manifest
from raypp.shards.receipt import Quarantined, Receipt
from raypp.shards.signature import ArchiveSignature
from raypp.text.address import redacted
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ingest.job import VeilJob
    from raypp.ingest.labels import LabelTables

QUARANTINE_FILE = "quarantine.json"


class Timings(NamedTuple):
    """Seconds: when veiling started on this process's clock, and how long it took."""

    started: float
    veiled_s: float


@dataclass
class VeiledFigures:
    """Figures of the segments that a run has veiled, summed as they come; seconds are summed over workers."""

    segments: int = 0
    frames: int = 0
    bytes_read: int = 0
    decode_s: float = 0.0
    variant_s: float = 0.0
    veil_s: float = 0.0
    write_s: float = 0.0

    def add(self, result: SegmentResult) -> None:
        """Add those of one more segment."""
        self.segments += 1
        self.frames += result.receipt.source_frames
        self.bytes_read += result.bytes_read
        self.decode_s += result.decode_s
        self.variant_s += result.variant_s
        self.veil_s += result.veil_s
        self.write_s += result.write_s


class VeilSummary(BaseModel):
    """Result of `raypp veil`, as printed and as written by --json."""

    model_config = ConfigDict(frozen=True)

    out: str = Field(description="the archive")
    private: str = Field(description="the owner's side of it: plan, plain names, quarantine")
    veil_id: str
    manifest_digest: str = Field(description="digest of the canonical manifest")
    signed_by: str | None = Field(description="fingerprint of the key that signed it; none with a site's key")
    sources: int = Field(description="videos and images planned, this run and earlier ones")
    segments: int = Field(description="units of work planned")
    segments_veiled: int = Field(description="done in this run")
    segments_skipped: int = Field(description="found finished from earlier runs")
    segments_left: int = Field(description="not done because of the limit")
    frames: int = Field(description="frames in the whole archive, without variants; each view of a frame is one")
    views: int = Field(description="how many of those frames are views of parts")
    variants: int = Field(description="variants of frames in the whole archive")
    variants_each: int = Field(description="variants asked for, of each training image")
    frames_veiled: int = Field(description="frames veiled in this run, each with its variants")
    shard_bytes: int = Field(description="bytes of all shards")
    source_bytes: int = Field(description="bytes of all planned sources")
    bytes_read: int = Field(description="source bytes read while veiling in this run")
    seconds: float = Field(description="wall-clock seconds of veiling in this run")
    frames_per_s: float
    decode_core_s: float = Field(description="seconds spent decoding and resizing, summed over workers")
    variant_core_s: float = Field(description="seconds spent making variants of frames, summed over workers")
    veil_core_s: float = Field(description="seconds spent veiling and packing, summed over workers")
    write_core_s: float = Field(description="seconds spent writing shards, summed over workers")
    label_versions: tuple[str, ...]
    quarantined: tuple[Quarantined, ...] = Field(description="sources that could not be veiled, by plain name")
    unfinished: tuple[Quarantined, ...] = Field(description="sources not finished in this run; run again to try them")
    damaged: tuple[str, ...] = Field(description="sources with damaged packets, veiled as far as they decode")
    label_problems: tuple[str, ...] = Field(description="labels left out, and why")
    label_notes: tuple[str, ...] = Field(description="what is odd about labels, and costs none that are wanted")
    label_count: LabelCount = Field(description="images with labels, without, and with labels that cannot be used")
    boxes_clipped: int = Field(description="boxes that reached beyond their image, and were clipped to it")
    rows_repeated: int = Field(description="rows of labels left out because they say the same as another")
    duplicates: int = Field(description="files left out because another has the same content")
    forgotten: int = Field(description="sources of this run left out because they were forgotten")
    ignored_files: int = Field(description=IGNORED_FILES)
    ignored: tuple[str, ...] = Field(description=IGNORED)

    def __str__(self) -> str:
        return "\n".join(veil_summary_lines(self))

    @property
    def needs_attention(self) -> bool:
        """Whether the user must act: something was quarantined, unfinished, damaged or left out."""
        return bool(self.quarantined or self.unfinished or self.damaged or self.label_problems)


def summarise(
    job: "VeilJob",
    veiled: VeiledFigures,
    unfinished: Sequence[Unfinished],
    manifest: Manifest,
    tables: "LabelTables",
    timings: Timings,
    signature: ArchiveSignature | None,
) -> VeilSummary:
    """Count what a job did, and leave the quarantine with plain names on the owner's side."""
    receipts = {receipt.segment_id: receipt for receipt in manifest.receipts}
    troubled = {
        name for name, receipt in receipts.items() if receipt.quarantined or receipt.damaged or receipt.damaged_packets
    }
    segments = {segment.segment_id: segment for segment in job.plan.segments.among(troubled)}
    faulty = [receipt for receipt in manifest.receipts if receipt.segment_id in segments]
    quarantined = job.plan.quarantined + _failed(faulty, segments)
    damaged = sorted({url for receipt in faulty for url in _damaged(receipt, segments[receipt.segment_id])})
    rows = [source.model_dump() for source in quarantined]
    write_private(job.settings.private / QUARANTINE_FILE, json.dumps(rows, indent=1).encode())
    seconds = timings.veiled_s if veiled.segments else perf_counter() - timings.started
    return VeilSummary(
        out=job.settings.out,
        private=str(job.settings.private),
        veil_id=job.worker.veil.veil_id,
        manifest_digest=manifest.digest,
        signed_by=signature.fingerprint if signature else None,
        sources=job.plan.source_count,
        segments=len(job.plan.segments),
        segments_veiled=veiled.segments,
        segments_skipped=len(job.plan.segments) - len(job.pending),
        segments_left=len(job.pending) - veiled.segments - len(unfinished),
        frames=sum(receipt.source_frames for receipt in manifest.receipts),
        views=sum(_views(receipts[name], views) for name, views in job.plan.viewed_segments() if name in receipts),
        variants_each=job.settings.variants,
        variants=sum(receipt.variants for receipt in manifest.receipts),
        frames_veiled=veiled.frames,
        shard_bytes=sum(receipt.shard_bytes for receipt in manifest.receipts),
        source_bytes=job.plan.source_bytes,
        bytes_read=veiled.bytes_read,
        seconds=seconds,
        frames_per_s=veiled.frames / seconds if seconds and veiled.segments else 0.0,
        decode_core_s=veiled.decode_s,
        variant_core_s=veiled.variant_s,
        veil_core_s=veiled.veil_s,
        write_core_s=veiled.write_s,
        label_versions=tables.versions,
        quarantined=quarantined,
        unfinished=_by_source(job.plan, unfinished),
        damaged=tuple(damaged),
        label_problems=tuple(map(redacted, tables.problems)),
        label_notes=tuple(map(redacted, tables.notes)),
        label_count=job.labels.count + LabelCount(-tables.misfits, 0, tables.misfits),
        boxes_clipped=job.labels.clipped,
        rows_repeated=job.labels.repeated,
        duplicates=len(job.plan.duplicates),
        forgotten=job.plan.passed_by,
        ignored_files=len(job.discovery.ignored),
        ignored=named_ignored(job.discovery),
    )


def _views(receipt: Receipt, views: SourceViews) -> int:
    """How many frames of a segment are views of parts."""
    return receipt.source_frames * len(views.views) // (len(views.views) + views.whole)


def _failed(receipts: Sequence[Receipt], segments: dict[str, Segment]) -> tuple[Quarantined, ...]:
    """Quarantined sources of receipts, by plain name, each once."""
    failed: dict[str, Quarantined] = {}
    for receipt in receipts:
        names = _names(segments[receipt.segment_id])
        for source in receipt.quarantined:
            name = names.get(source.source, source.source)
            failed[name] = Quarantined(source=name, reason=source.reason.replace(source.source, name))
    return tuple(failed[name] for name in sorted(failed))


def _damaged(receipt: Receipt, segment: Segment) -> list[str]:
    """Plain names of a receipt's damaged sources; a receipt of an older version only knows that one of them is."""
    names = _names(segment)
    if receipt.damaged:
        return [names.get(source, source) for source in receipt.damaged]
    if not receipt.damaged_packets:
        return []
    return [", or ".join(names.get(source, source) for source in receipt.sources)]


def _names(segment: Segment) -> dict[str, str]:
    return {item.source: redacted(item.url) for item in segment.items}


def _by_source(plan: VeilPlan, unfinished: Sequence[Unfinished]) -> tuple[Quarantined, ...]:
    left = {item.segment_id for item in unfinished}
    items = {segment.segment_id: segment.items for segment in plan.segments.among(left)}
    return tuple(
        Quarantined(source=_named(items[item.segment_id], item.reason), reason=item.reason) for item in unfinished
    )


def _named(items: Sequence[Item], reason: str) -> str:
    """The file that a reason names; where it names none, all of a segment's files are in question."""
    blamed = [redacted(item.url) for item in items if redacted(item.url) in reason]
    if blamed:
        return max(blamed, key=len)
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return redacted(items[0].url) + more


def _shares(summary: VeilSummary) -> str:
    """Where the workers' time went, in percent."""
    spent = {"decoding": summary.decode_core_s}
    if summary.variants:
        spent["making variants"] = summary.variant_core_s
    spent |= {"veiling": summary.veil_core_s, "writing": summary.write_core_s}
    busy = max(sum(spent.values()), 1e-9)
    return ", ".join(f"{100 * seconds / busy:.0f} % {what}" for what, seconds in spent.items())


def label_lines(summary: VeilSummary) -> Iterator[str]:
    """Word which labels there are, and of how many images."""
    versions = ", ".join(summary.label_versions) or "none yet; docs/reference/labels.md says how labels come in"
    yield f"labels        {versions}"
    count = summary.label_count
    if count != LabelCount():
        yield f"labelled      {labels_sentence(count, summary.boxes_clipped, summary.rows_repeated)}"


def labels_sentence(count: LabelCount, clipped: int, repeated: int) -> str:
    """Say how many images have labels."""
    rest = f"{count.without} without labels, {count.unread} with labels that cannot be used"
    parts = [f"{counted(count.labelled, 'image')}, {rest}"]
    if clipped:
        parts.append(f"{counted(clipped, 'box')} clipped to the image")
    if repeated:
        parts.append(f"{counted(repeated, 'repeated row')} left out")
    return "; ".join(parts)


def _left_out_lines(summary: VeilSummary) -> Iterator[str]:
    """Say which files were left out, and why."""
    if summary.duplicates:
        yield f"duplicates    {counted(summary.duplicates, 'file')} with the content of another, veiled once"
    if summary.forgotten:
        yield f"forgotten     {counted(summary.forgotten, 'source')} left out: `raypp forget-archive` forgot them"
    if summary.ignored_files:
        others = others_in_words(summary.ignored_files, summary.ignored)
        yield f"passed by     {others}, neither video nor image nor label"


def veil_summary_lines(summary: VeilSummary) -> Iterator[str]:
    """Word a summary for people, line by line."""
    megabytes = summary.shard_bytes / 1e6
    per_frame = summary.shard_bytes / max(summary.frames, 1) / 1e3
    with_variants = " with its variants" if summary.variants else ""
    yield f"archive       {summary.out}  (veil {summary.veil_id})"
    skipped = f", {summary.segments_skipped} finished before" if summary.segments_skipped else ""
    left = f", {summary.segments_left} left by the limit" if summary.segments_left else ""
    yield f"segments      {summary.segments_veiled} veiled{skipped}{left}"
    yield (
        f"frames        {summary.frames} from {counted(summary.sources, 'source')}, {megabytes:.1f} MB of shards, "
        f"{per_frame:.1f} kB a frame{with_variants} (sources: {summary.source_bytes / 1e6:.1f} MB)"
    )
    if summary.views:
        yield f"views         {summary.views} of these frames are parts of others, at the whole size"
    if summary.variants_each:
        variants = f"{summary.variants}, {summary.variants_each} of each training image"
        none = "none, since no source is an image of a training split"
        yield f"variants      {variants if summary.variants else none}"
    if summary.segments_veiled:
        yield (
            f"rate          {summary.frames_per_s:.1f} frames/s{with_variants} over {summary.seconds:.1f} s; "
            f"of the workers' time {_shares(summary)}"
        )
    yield from label_lines(summary)
    who = f"by {summary.signed_by}" if summary.signed_by else "by nobody: a site's key cannot sign"
    yield f"signed        {who}"
    yield from _left_out_lines(summary)
    for title, lines in (
        ("quarantined", [source.line for source in summary.quarantined]),
        ("unfinished; run again", [item.line for item in summary.unfinished]),
        ("damaged", list(summary.damaged)),
        ("labels left out", list(summary.label_problems)),
        ("notes on labels", list(summary.label_notes)),
    ):
        if lines:
            yield f"{title}: {len(lines)}"
        for line in lines[:20]:
            yield f"  {redacted(line)}"
        if len(lines) > 20:
            yield f"  and {len(lines) - 20} more, in the JSON summary and {summary.private}"
        if lines and title == "quarantined":
            listed = f"{summary.private}/{QUARANTINE_FILE}"
            yield f"  listed in {listed}, to stay inside"
    if summary.segments_left or summary.unfinished:
        yield "not finished: run the same command again to go on"
        return
    yield f"hand over     {summary.out}; keep {summary.private} inside; next: raypp verify {summary.out}"
