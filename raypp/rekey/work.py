"""The work of translating an archive: all that is known, and refused, before the first shard is translated."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from raypp.errors import ConflictError, ShardError, SpecError
from raypp.ingest.plan import VeilPlan, plan_of, stacked
from raypp.ingest.plan_file import load_plan
from raypp.ingest.tombstones import check_not_forgetting
from raypp.progress import Progress
from raypp.rekey.identities import Identities, rekey_identities
from raypp.rekey.segment import RekeyedSegment, rekey_segment
from raypp.rekey.settings import ArchiveRekeying
from raypp.rekey.worker import RekeyWorker
from raypp.shards.labels import LabelTable, list_versions, read_labels
from raypp.shards.manifest import read_archive_header
from raypp.shards.receipt import Receipt
from raypp.shards.signature import read_signature
from raypp.shards.store import Store
from raypp.shards.vouching import check_signature
from raypp.text.wording import counted
from raypp.veil.renaming import PATCH_REMEDY

_BATCH_SEGMENTS = 256


@dataclass(frozen=True)
class RekeyWork:
    """An archive that can be translated, as its owner signed it.

    Attributes:
        worker: keys, both archives and tables.
        receipts: of its segments, by their names under the old key.
        old, new: the plan under either key, segment by segment.
        labels: its label versions, by name.
        signed: names of those that the owner signed.
    """

    worker: RekeyWorker
    receipts: Mapping[str, Receipt]
    old: VeilPlan
    new: VeilPlan
    labels: Mapping[str, LabelTable]
    signed: tuple[str, ...]

    def segments(self, finished: Container[str] = ()) -> Iterator[RekeyedSegment]:
        """Yield the segments that are not finished under the new key."""
        for old, new in zip(self.old.segments, self.new.segments, strict=True):
            if new.segment_id not in finished:
                yield RekeyedSegment(old=old, new=new, receipt=self.receipts[old.segment_id])


def prepare(settings: ArchiveRekeying, sources: Sequence[str], progress: Progress) -> RekeyWork:
    """Check an archive, and plan it under the new key; nothing is written.

    Raises:
        ConflictError: if it is of another veil, not finished, or not as its owner signed it.
        ShardError: if it is damaged, or the owner's plan of it is lost.
        SpecError: if it cannot be translated exactly.
        MediaError: if a source cannot be read.
    """
    _refuse_patch_veil(settings)
    check_not_forgetting(settings.private, settings.archive)
    worker = RekeyWorker.open(settings)
    _check_veil(worker)
    labels = {version: read_labels(worker.reader.store, version) for version in list_versions(worker.reader.store)}
    signed = _check_signed(worker, labels)
    receipts = {receipt.segment_id: receipt for receipt in worker.reader.manifest.receipts}
    plan = load_plan(settings.private)
    _check_finished(settings, receipts, plan)
    identities = rekey_identities(plan, sources, worker.keys, progress)
    return RekeyWork(worker, receipts, plan, _rekeyed(plan, identities, worker), labels, signed)


def _refuse_patch_veil(settings: ArchiveRekeying) -> None:
    if read_archive_header(Store(settings.archive)).spec.get("family", "patch") != "learned":
        raise SpecError(f"archive {settings.archive} is of a patch veil, which cannot be rekeyed; {PATCH_REMEDY}")


def _check_veil(worker: RekeyWorker) -> None:
    settings, own = worker.settings, worker.reader.header.veil_id
    veil_id = worker.keys[0].veil_id(settings.old_spec)
    if own != veil_id:
        raise ConflictError(
            f"archive {settings.archive} is of veil {own}, but this key and encoder make veil {veil_id}; "
            "give the key and the encoder that it was veiled with"
        )


def _check_signed(worker: RekeyWorker, labels: Mapping[str, LabelTable]) -> tuple[str, ...]:
    """Refuse what the owner did not sign, since the new key signs it; returns the label versions that it covers."""
    store, old = worker.reader.store, worker.keys[0]
    digests = {version: table.digest for version, table in labels.items()}
    problems = check_signature(store, worker.reader.manifest, digests, old.fingerprint).problems
    if problems:
        raise ConflictError(f"archive {store.root} cannot be vouched for under another key: {problems[0]}")
    signature = read_signature(store)
    return () if signature is None else tuple(version for version in signature.labels if version in labels)


def _check_finished(settings: ArchiveRekeying, receipts: Mapping[str, Receipt], plan: VeilPlan) -> None:
    planned = set(plan.segments.names())
    lost, missing = len(receipts.keys() - planned), len(planned - receipts.keys())
    if lost:
        raise ShardError(
            f"archive {settings.archive} has {counted(lost, 'segment')} that no plan in {settings.private} has, and "
            "without it nobody can name their sources; name with `private` the folder that `raypp veil` kept"
        )
    if missing:
        raise ConflictError(
            f"archive {settings.archive} is not finished: {counted(missing, 'segment')} of its plan are not veiled; "
            "run `raypp veil` again first"
        )
    variants = sum(receipt.variants for receipt in receipts.values())
    if variants:
        raise SpecError(
            f"archive {settings.archive} has {counted(variants, 'variant')} of images, which the key drew, and another "
            "key draws others; veil its sources anew"
        )


def _rekeyed(plan: VeilPlan, identities: Identities, worker: RekeyWorker) -> VeilPlan:
    """The plan under the new key: its segments one for one, with other names, and duplicates as they were."""
    plain = worker.header.source_names == "plain"
    parts: list[VeilPlan] = []
    for start in range(0, len(plan.segments), _BATCH_SEGMENTS):
        some = plan.segments[start : start + _BATCH_SEGMENTS]
        parts.append(plan_of(rekey_segment(segment, identities, worker.keys, plain=plain) for segment in some))
    return VeilPlan(
        stacked([part.sources for part in parts] or [plan.sources]),
        stacked([part.segment_rows for part in parts] or [plan.segment_rows]),
        duplicates=plan.duplicates,
        time_from=plan.time_from,
        timezone=plan.timezone,
    )
