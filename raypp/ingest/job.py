"""The archive job: lock, plan, veil what is missing, close with manifest, labels and summary."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter

import pyarrow as pa
import pyarrow.compute as pc

from raypp.errors import ConflictError, MediaError, ShardError
from raypp.execution import Executor
from raypp.ingest import last_signed
from raypp.ingest.attempts import Attempt, Unfinished, attempt_segments, forget_attempts
from raypp.ingest.cutting import Cutting
from raypp.ingest.ignored import named_ignored, others_in_words
from raypp.ingest.label_memory import LabelFiles
from raypp.ingest.label_reading import LabelReading, read_all_labels, require_labels
from raypp.ingest.labels import write_label_tables
from raypp.ingest.plan import Segments, VeilPlan
from raypp.ingest.plan_file import load_plan, save_plan
from raypp.ingest.planner import make_plan
from raypp.ingest.probing import Prober, probe_here
from raypp.ingest.segment import Segment
from raypp.ingest.settings import VeilSettings
from raypp.ingest.summary import Timings, VeiledFigures, VeilSummary, summarise
from raypp.ingest.tombstones import check_not_forgetting
from raypp.ingest.weight import segment_frames, segment_seconds
from raypp.ingest.worker import SegmentWorker
from raypp.media.discovery import Discovery, discover
from raypp.progress import Progress
from raypp.shards.labels import list_versions, read_labels
from raypp.shards.manifest import Manifest, compile_manifest, finished_segments
from raypp.shards.receipt import Receipt
from raypp.shards.schema import HEADER_FILE, ArchiveHeader
from raypp.shards.signature import ArchiveSignature, sign_archive
from raypp.shards.store import Store
from raypp.shards.tags import hold_to_tags
from raypp.veil.key import VeilKey

VeilExecutor = Executor[[Sequence[Segment], VeilSettings], Iterator[Attempt]]
"""Veils segments, in any order, and yields each outcome as it is durable."""


def veil_here(segments: Sequence[Segment], settings: VeilSettings) -> Iterator[Attempt]:
    """Veil segments one after another in this process: the executor of the bare edge install."""
    worker = SegmentWorker.open(settings)
    for group in attempt_segments(segments, worker):
        yield from group


@dataclass(frozen=True)
class VeilJob:
    """A job that holds its output's lock and knows its work.

    Attributes:
        settings: what was asked.
        worker: the opened key and output.
        discovery: what the sources hold.
        labels: the labels of their datasets.
        plan: all segments, finished or not.
        finished: receipts of segments that an earlier run finished.
    """

    settings: VeilSettings
    worker: SegmentWorker
    discovery: Discovery
    labels: LabelReading
    plan: VeilPlan
    finished: dict[str, Receipt]

    @property
    def pending(self) -> Segments:
        """Segments still to be veiled, in plan order."""
        return self.plan.segments.without(self.finished)

    def expected_seconds(self, segments: Sequence[Segment]) -> float:
        """About how long one core takes for segments."""
        return sum(segment_seconds(segment, self.settings) for segment in segments)

    def run(
        self, execute: VeilExecutor, progress: Progress, limit: int | None, labels_version: str | None
    ) -> VeilSummary:
        """Veil what is missing and close the archive.

        Args:
            execute: where the work is done.
            progress: shows progress.
            limit: at most this many segments in this run; None for all.
            labels_version: name for the label tables, or None to number them.
        """
        todo = self.pending[:limit]
        started = perf_counter()
        last_signed.forget_signed(self.settings.private)
        veiled = VeiledFigures()  # and not the results: of an archive of millions they would fill the memory
        unfinished: list[Unfinished] = []
        weights = {segment.segment_id: segment_frames(segment, self.settings) for segment in todo}
        with progress.task("veiling", sum(weights.values())) as advance:
            for done, outcome in enumerate(execute(todo, self.settings) if todo else (), 1):
                frames = 0
                if isinstance(outcome, Unfinished):
                    unfinished.append(outcome)
                    segment_id = outcome.segment_id
                else:
                    veiled.add(outcome)
                    segment_id, frames = outcome.receipt.segment_id, outcome.receipt.source_frames
                advance(weights[segment_id], f"{done}/{len(todo)} segments", frames)
        veiled_s = perf_counter() - started
        if todo:
            self.worker.store.sweep()  # of workers that were killed: the archive may go out next
        hold_to_tags(self.worker.store)
        manifest = compile_manifest(self.worker.store, self.worker.header)
        tables = write_label_tables(self.discovery, self.labels, self.plan, self.worker, labels_version)
        signature = self._sign(manifest, tables.versions)
        if signature is not None and isinstance(self.worker.key, VeilKey):
            last_signed.keep(self.settings.private, signature)
        ended = Timings(started, veiled_s)
        return summarise(self, veiled, unfinished, manifest, tables, ended, signature)

    def _sign(self, manifest: Manifest, tables: Sequence[str]) -> ArchiveSignature | None:
        """Sign manifest and labels with the owner's key; None with a site's key, which cannot sign."""
        store = self.worker.store
        digests: dict[str, str] = {}
        for version in list_versions(store):
            with suppress(ShardError):  # a damaged one is for `raypp verify` to tell
                digests[version] = read_labels(store, version).digest
        written = {version: digests[version] for version in tables}
        return sign_archive(store, manifest, written, digests, self.worker.key)


@contextmanager
def open_job(
    settings: VeilSettings,
    sources: Sequence[str],
    progress: Progress,
    *,
    allow_unlabelled: bool = False,
    workers: int = 1,
    probe: Prober = probe_here,
) -> Iterator[VeilJob]:
    """Discover and read labels, lock the output, check that it is of the same veil and settings, and plan.

    Args:
        settings: what is asked.
        sources: what to veil.
        progress: shows progress.
        allow_unlabelled: take a dataset even if most of its images have no labels that can be used.
        workers: how many will work at once; new short files are cut into a few segments for each.
        probe: looks into new sources.

    Raises:
        LabelError: if they have none, and that is not allowed.
        ConflictError: if another job holds the output, it was made with another veil or settings, or somebody altered
            it since the last job here signed it.
        KeyFileError, OptionError, MediaError, SpecError: if what was asked cannot be done.
    """
    settings.check()
    worker = SegmentWorker.open(settings)
    discovery = discover(sources)
    require_sources(discovery, sources)
    memory = LabelFiles(settings.private)
    labels = read_all_labels(discovery, memory)
    if not allow_unlabelled:
        require_labels(discovery, labels)
    with worker.store.lock():
        hold_to_header(worker.store, worker.header)
        check_not_forgetting(settings.private, settings.out)
        last_signed.check_as_left(worker.store, settings.private, worker.key)
        worker.store.sweep()
        forget_attempts(worker.store)
        total = len(discovery.files) + sum(len(dataset.images) for dataset in discovery.datasets)
        with progress.task("looking at sources", total) as advance:
            earlier = load_plan(settings.private)
            cut = Cutting(settings, worker.key, workers)
            plan = make_plan(discovery, cut, earlier, lambda more: advance(more, f"{total} sources", 0), probe)
        finished = finished_segments(worker.store)
        if not earlier.segments:
            _refuse_without_plan(plan, finished, settings)
        save_plan(plan, settings.private, earlier)
        memory.save()
        yield VeilJob(settings, worker, discovery, labels, plan, finished)


def require_sources(discovery: Discovery, sources: Sequence[str]) -> None:
    """Refuse sources that hold nothing to veil; raises MediaError."""
    if not discovery.files and not discovery.datasets and not discovery.problems:
        named = ", ".join(sources[:3])
        others = others_in_words(len(discovery.ignored), named_ignored(discovery))
        raise MediaError(
            f"{named}: no video and no image among {others}; "
            "name files, a folder that holds them, or a dataset's description"
        )


def _refuse_without_plan(plan: VeilPlan, finished: dict[str, Receipt], settings: VeilSettings) -> None:
    """Refuse to veil anew what an archive has by a plan that is lost: it would stand there twice."""
    planned = set(plan.segments.names())
    there = {source for name, receipt in finished.items() if name not in planned for source in receipt.sources}
    again = pc.sum(pc.is_in(plan.sources.column("source"), value_set=pa.array(there, pa.large_string()))).as_py()
    if again:
        raise ConflictError(
            f"output {settings.out} holds {again} of these sources by a plan that "
            f"{settings.private} has lost, and they would be veiled twice; restore {settings.private}, or use another "
            "`out`"
        )


def hold_to_header(store: Store, header: ArchiveHeader) -> None:
    """Write the header into a new archive, or check that an old one has the same."""
    if not store.exists(HEADER_FILE):
        store.write_atomic(HEADER_FILE, header.to_bytes())
        return
    stored = ArchiveHeader.from_bytes(store.read(HEADER_FILE))
    if stored.veil_id != header.veil_id:
        raise ConflictError(
            f"output {store.root} holds veil {stored.veil_id}, but this key and spec make veil {header.veil_id}; "
            "use the key and spec it was made with, or another `out`"
        )
    for name in ("origin", "generator", "size", "sampling", "source_names", "encrypted", "variants", "preparation"):
        was, now = getattr(stored, name), getattr(header, name)
        if was != now:
            raise ConflictError(
                f"output {store.root} was made with {name} {was}, not {now}; "
                "use the same settings as before, or another `out`"
            )
