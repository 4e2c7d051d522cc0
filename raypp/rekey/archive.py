"""An archive under another key: the job that translates its shards, and closes the new archive as `raypp veil` does."""

from collections.abc import Iterator, Sequence
from time import perf_counter

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import ConflictError
from raypp.execution import ExecutionSettings, Executor, On, on_ray
from raypp.ingest import last_signed
from raypp.ingest.job import hold_to_header
from raypp.ingest.plan_file import load_plan, save_plan
from raypp.ingest.summary import QUARANTINE_FILE
from raypp.io.private import private_folder, write_private
from raypp.progress import Progress
from raypp.rekey.labels import sample_names, write_rekeyed
from raypp.rekey.segment import RekeyedSegment
from raypp.rekey.settings import ArchiveRekeying
from raypp.rekey.work import RekeyWork
from raypp.rekey.worker import RekeyWorker, translate
from raypp.shards.labels import list_versions, read_labels
from raypp.shards.manifest import Manifest, compile_manifest, finished_segments
from raypp.shards.receipt import Receipt
from raypp.shards.signature import sign_archive
from raypp.shards.tags import hold_to_tags

_BYTES_PER_S = 10e6
"""About how many bytes of shards one core translates; see docs/contributing/decisions/where-work-runs.md."""

RekeyExecutor = Executor[[Iterator[RekeyedSegment], ArchiveRekeying], Iterator[Receipt]]
"""Translates segments, in any order, and yields each receipt as it is durable."""


class RekeyedArchive(BaseModel):
    """Result of translating an archive."""

    model_config = ConfigDict(frozen=True)

    archive: str = Field(description="the archive under the old key")
    out: str = Field(description="the archive under the new key")
    private: str = Field(description="the owner's side of it")
    frames: int = Field(description="frames in the archive; each view of a frame is one")
    segments: int = Field(description="units of work; each has one shard")
    segments_translated: int = Field(description="done in this run; the others were found finished")
    shard_bytes: int = Field(description="bytes of all shards of the archive under the old key")
    seconds: float = Field(description="wall-clock seconds of translating in this run")
    frames_per_s: float = Field(description="of this run; 0 where it translated nothing")
    label_versions: tuple[str, ...]
    manifest_digest: str = Field(description="digest of the new manifest; empty of a dry run")
    signed_by: str = Field(description="fingerprint of the new key")


def translate_here(segments: Iterator[RekeyedSegment], settings: ArchiveRekeying) -> Iterator[Receipt]:
    """Translate segments one after another in this process."""
    for group in translate(segments, RekeyWorker.open(settings)):
        yield from group


def rekey_archive(work: RekeyWork, execution: ExecutionSettings, progress: Progress) -> RekeyedArchive:
    """Translate what is missing of an archive under another key, and close it.

    Args:
        work: as `raypp.rekey.work.prepare` checked it.
        execution: where shards are translated.
        progress: is told how far it is.

    Raises:
        ConflictError: if another job holds the output, or it holds something else.
        ShardError: if the archive is damaged, or the output cannot be written.
    """
    worker = work.worker
    with worker.store.lock():
        hold_to_header(worker.store, worker.header)
        last_signed.check_as_left(worker.store, worker.settings.out_private, worker.keys[1])
        worker.store.sweep()
        _plan(work)
        finished = set(finished_segments(worker.store))
        started = perf_counter()
        receipts = _translate(work, finished, execution, progress)
        seconds = perf_counter() - started
        return summary_of(work, _close(work), receipts, seconds)


def _plan(work: RekeyWork) -> None:
    """Keep the plan under the new key, unless `raypp veil` has extended it since."""
    settings = work.worker.settings
    earlier = load_plan(settings.out_private)
    there, wanted = set(earlier.segments.names()), set(work.new.segments.names())
    if wanted <= there:
        return
    if there - wanted:
        raise ConflictError(
            f"output {settings.out} has sources that archive {settings.archive} has not, and lacks some that it has; "
            "choose another `archive_out`"
        )
    quarantine = settings.private / QUARANTINE_FILE
    if quarantine.exists():
        private_folder(settings.out_private)
        write_private(settings.out_private / QUARANTINE_FILE, quarantine.read_bytes())
    save_plan(work.new, settings.out_private, earlier)


def _translate(work: RekeyWork, finished: set[str], execution: ExecutionSettings, progress: Progress) -> list[Receipt]:
    settings, names = work.worker.settings, list(work.new.segments.names())
    todo = [receipt for receipt, name in zip(_in_order(work), names, strict=True) if name not in finished]
    if not todo:
        return []
    last_signed.forget_signed(settings.out_private)
    on = execution.choose(len(todo), sum(receipt.shard_bytes for receipt in todo) / _BYTES_PER_S)
    execute: RekeyExecutor = on_ray("rekey", execution) if on is On.RAY else translate_here
    done: list[Receipt] = []
    with progress.task("translating", sum(receipt.frames for receipt in todo)) as advance:
        for receipt in execute(work.segments(finished), settings):
            done.append(receipt)
            advance(receipt.frames, f"{len(done)}/{len(todo)} segments", receipt.frames)
    work.worker.store.sweep()  # of workers that were killed: the archive may go out next
    return done


def _in_order(work: RekeyWork) -> Iterator[Receipt]:
    return (work.receipts[name] for name in work.old.segments.names())


def _close(work: RekeyWork) -> Manifest:
    """Write manifest and labels, and sign both with the new key."""
    worker = work.worker
    hold_to_tags(worker.store)
    manifest = compile_manifest(worker.store, worker.header)
    if work.labels:
        names = sample_names(work.segments(), worker)
        for table in work.labels.values():
            write_rekeyed(table, names, worker)
    digests = {version: read_labels(worker.store, version).digest for version in list_versions(worker.store)}
    signed = {version: digests[version] for version in work.signed}
    signature = sign_archive(worker.store, manifest, signed, digests, worker.keys[1])
    if signature is not None:
        last_signed.keep(worker.settings.out_private, signature)
    return manifest


def summary_of(
    work: RekeyWork, manifest: Manifest | None = None, done: Sequence[Receipt] = (), seconds: float = 0.0
) -> RekeyedArchive:
    """Sum up a translation; by default one that was only prepared."""
    settings, receipts = work.worker.settings, work.receipts.values()
    frames = sum(receipt.frames for receipt in done)
    return RekeyedArchive(
        archive=settings.archive,
        out=settings.out,
        private=str(settings.out_private),
        frames=sum(receipt.frames for receipt in receipts),
        segments=len(receipts),
        segments_translated=len(done),
        shard_bytes=sum(receipt.shard_bytes for receipt in receipts),
        seconds=seconds,
        frames_per_s=frames / seconds if frames else 0.0,
        label_versions=tuple(work.labels),
        manifest_digest=manifest.digest if manifest else "",
        signed_by=work.worker.keys[1].fingerprint,
    )
