"""Forgetting from settings to the receipt: by the owner, and by whoever holds a copy and was given an order."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import ConflictError, KeyFileError, OptionError
from raypp.execution import ExecutionSettings
from raypp.forget.execution import ForgottenArchive, OrderExecution
from raypp.forget.order import ArchiveAfter, ForgetOrder, read_order
from raypp.forget.plan_change import forget_in_plan
from raypp.forget.preparation import OpenedArchive, selection_digest
from raypp.forget.receipt import ForgetReceipt, LabelsChange, keep_receipt, kept_path, kept_receipts, samples_sha256
from raypp.forget.settings import ForgetSettings
from raypp.forget.work import ForgetWork, end_work, keep_work, load_work
from raypp.forget.worker import RewriteSettings
from raypp.ingest import last_signed
from raypp.ingest.label_memory import LABELS_FILE
from raypp.ingest.plan_file import load_plan, save_plan
from raypp.ingest.summary import QUARANTINE_FILE
from raypp.ingest.tombstones import check_not_forgetting
from raypp.io.json import read_json
from raypp.io.private import write_private
from raypp.progress import SILENT, Progress
from raypp.shards.manifest import read_archive_header
from raypp.shards.signature import SIGNATURE_FILE, ArchiveSignature, read_signature, sign_archive
from raypp.shards.store import Store
from raypp.text.address import redacted
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key


class ForgetSummary(BaseModel):
    """Result of `raypp forget-archive`, as printed and as written by --json."""

    model_config = ConfigDict(frozen=True)

    archive: str
    private: str = Field(description="the folder that keeps the receipts")
    dry_run: bool = Field(description="whether nothing was changed")
    resumed: bool = Field(description="whether a run that was stopped was brought to its end first")
    before: bool = Field(description="whether the same had been forgotten before, and nothing was left to do")
    undated: int = Field(description="sources left alone, since nobody knows when they were captured")
    signed: bool = Field(description="whether the archive has the owner's signature now")
    receipt: ForgetReceipt = Field(description="the receipt; not signed in a dry run")
    receipt_path: Path | None = Field(description="where it is kept; none in a dry run")


def forget_frames(
    settings: ForgetSettings,
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
    *,
    dry_run: bool = False,
) -> ForgetSummary:
    """Take what is forgotten out of an archive's shards, labels and receipts, and leave tombstones in its plan.

    Args:
        settings: what is forgotten.
        execution: where shards are written anew; by default where it ends sooner.
        progress: is told how far it is.
        dry_run: find everything, and change nothing.

    Raises:
        OptionError: if options contradict each other, or name nothing of the archive.
        KeyFileError: if the key is not the owner's.
        ConflictError: if the archive is at work, or altered; or the order is none for it.
        ModelError, ShardError: if a file is damaged.
    """
    settings.check()
    execution = execution or ExecutionSettings()
    execution.check("workers")
    key = load_owner_key(settings.key_path)
    order = None if settings.order is None else read_order(settings.order, settings.owner_public_key or "")
    return _Forgetting(settings, key, execution, progress).run(order, dry_run=dry_run)


class _Forgetting:
    """One run."""

    def __init__(
        self, settings: ForgetSettings, key: VeilKey, execution: ExecutionSettings, progress: Progress
    ) -> None:
        self._settings = settings
        self._key = key
        self._execution = execution
        self._progress = progress
        self._side = settings.side
        self._store = Store(settings.archive, settings.load_data_key())

    def run(self, order: ForgetOrder | None, *, dry_run: bool) -> ForgetSummary:
        read_archive_header(self._store)  # a place that is no archive gets no lock
        with nullcontext() if dry_run else self._store.lock():
            if dry_run:
                check_not_forgetting(self._side, self._settings.archive)
            resumed = self._resume(order)
            if resumed is not None:
                return resumed
            receipt = None if order is None else self._receipt_of(order=order.name)
            if receipt is not None:
                return self._summary(receipt, before=True)
            try:
                work, undated = self._work(order)
            except OptionError:
                receipt = self._receipt_of(selection=self._selected) if order is None else None
                if receipt is None:
                    raise
                return self._summary(receipt, before=True)
            if dry_run or not (work.order.changes or work.sources):
                return self._summary(_receipt(work, work.manifest, ()), undated=undated, dry_run=dry_run)
            keep_work(work, self._side)
            return self._summary(self._do(work), undated=undated)

    @property
    def _selected(self) -> str:
        return selection_digest(self._settings, self._key)

    def _work(self, order: ForgetOrder | None) -> tuple[ForgetWork, int]:
        begun_at = datetime.now(UTC).isoformat(timespec="seconds")
        opened = OpenedArchive.open(self._settings)
        if order is not None:
            return opened.holder_work(order, begun_at), 0
        last_signed.check_as_left(self._store, self._side, self._key)
        return opened.owner_work(load_plan(self._side), self._key, begun_at)

    def _resume(self, order: ForgetOrder | None) -> ForgetSummary | None:
        """Bring a run that was stopped to its end; returns its summary if it is what is asked for now."""
        work = load_work(self._side)
        if work is None:
            return None
        if work.is_own and work.order.public_key != self._key.public_key.hex():
            raise KeyFileError(
                f"key {self._settings.key_path} has fingerprint {self._key.fingerprint}, and a run with the key of "
                f"{work.order.fingerprint} was stopped here; give that key, so that it goes on"
            )
        if read_archive_header(self._store).veil_id != work.order.veil_id:
            raise ConflictError(
                f"a run was stopped in {self._side} that is of veil {work.order.veil_id}, not of archive "
                f"{self._settings.archive}; name with `private` the folder of this archive"
            )
        receipt = self._do(work)
        same = work.selection == self._selected if order is None else work.order == order
        return self._summary(receipt, resumed=True) if same else None

    def _receipt_of(self, **fields: str) -> ForgetReceipt | None:
        """The latest receipt with a field of some value."""
        ((name, value),) = fields.items()
        those = [receipt for receipt in kept_receipts(self._side) if getattr(receipt, name) == value]
        return max(those, key=lambda receipt: receipt.begun_at, default=None)

    def _do(self, work: ForgetWork) -> ForgetReceipt:
        if work.is_own:
            last_signed.forget_signed(self._side)
        places = RewriteSettings(archive=self._settings.archive, data_key_path=self._settings.data_key_path)
        done = OrderExecution(work.order, places, self._store).run(self._execution, self._progress)
        signature = self._sign(work, done)
        receipt = _receipt(work, done.manifest.digest, _changes(work, done)).signed(self._key)
        if work.is_own:
            self._leave_tombstones(work)
            if signature is not None:
                last_signed.keep(self._side, signature)
            if self._settings.order_out is not None:
                after = ArchiveAfter(manifest=done.manifest.digest, signature=signature)
                order = work.order.model_copy(update={"after": after}).signed(self._key)
                write_private(self._settings.order_out, order.to_bytes())
        keep_receipt(receipt, self._side)
        if self._settings.receipt is not None:
            write_private(self._settings.receipt, receipt.to_bytes())
        end_work(self._side)
        return receipt

    def _sign(self, work: ForgetWork, done: ForgottenArchive) -> ArchiveSignature | None:
        """Sign what is left, if it was signed; a holder takes over the owner's signature where it is of the same."""
        digests = {version: table.digest for version, table in done.labels.items()}
        if work.is_own:
            if not self._store.exists(SIGNATURE_FILE):
                return None
            signed = {labels.version for labels in work.labels if labels.is_signed} & digests.keys()
            return sign_archive(
                self._store, done.manifest, {name: digests[name] for name in sorted(signed)}, digests, self._key
            )
        after = work.order.after
        theirs = after.signature if after is not None and after.manifest == done.manifest.digest else None
        if theirs is not None and all(digests.get(name, digest) == digest for name, digest in theirs.labels.items()):
            if self._store.exists(SIGNATURE_FILE) and read_signature(self._store) != theirs:
                self._store.write_atomic(SIGNATURE_FILE, theirs.to_bytes())
            return theirs
        if self._store.exists(SIGNATURE_FILE):
            self._store.remove([SIGNATURE_FILE])  # it would say that what is left was altered
        return None

    def _leave_tombstones(self, work: ForgetWork) -> None:
        earlier = load_plan(self._side)
        plan, places = forget_in_plan(earlier, work.sources, self._key)
        save_plan(plan, self._side, earlier)
        (self._side / LABELS_FILE).unlink(missing_ok=True)  # what label files held; the next job reads them again
        quarantine = self._side / QUARANTINE_FILE
        if quarantine.exists():
            gone = {redacted(place) for place in places}
            rows = [row for row in read_json(quarantine.read_bytes()) if row["source"] not in gone]
            write_private(quarantine, json.dumps(rows, indent=1).encode())

    def _summary(
        self,
        receipt: ForgetReceipt,
        *,
        undated: int = 0,
        dry_run: bool = False,
        resumed: bool = False,
        before: bool = False,
    ) -> ForgetSummary:
        return ForgetSummary(
            archive=self._settings.archive,
            private=str(self._side),
            dry_run=dry_run,
            resumed=resumed,
            before=before,
            undated=undated,
            signed=self._store.exists(SIGNATURE_FILE),
            receipt=receipt,
            receipt_path=kept_path(receipt, self._side) if receipt.signature else None,
        )


def _changes(work: ForgetWork, done: ForgottenArchive) -> tuple[LabelsChange, ...]:
    return tuple(
        LabelsChange(
            version=labels.version,
            forgotten=labels.forgotten,
            before=labels.digest,
            after=done.labels[labels.version].digest if labels.version in done.labels else None,
        )
        for labels in work.labels
        if labels.forgotten
    )


def _receipt(work: ForgetWork, manifest: str, labels: tuple[LabelsChange, ...]) -> ForgetReceipt:
    samples = work.order.sample_ids
    return ForgetReceipt(
        veil_id=work.order.veil_id,
        order=work.order.name,
        selection=work.selection,
        manifest_before=work.manifest,
        manifest_after=manifest,
        samples_sha256=samples_sha256(samples),
        samples=len(samples),
        frames=work.frames,
        variants=work.variants,
        segments=len(work.order.changes),
        sources=sum(not source.spans for source in work.sources) if work.is_own else None,
        labels=labels,
        datasets=work.datasets,
        models=work.models,
        begun_at=work.begun_at,
    )
