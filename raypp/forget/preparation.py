"""What a forgetting comes to, before anything is changed: the owner's by a selection, a holder's by an order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from raypp.errors import ConflictError, KeyFileError, ShardError
from raypp.forget.execution import is_as_ordered
from raypp.forget.held import held_datasets, judge_models, labels_before
from raypp.forget.order import ForgetOrder, check_order
from raypp.forget.receipt import ForgetReceipt, kept_receipts
from raypp.forget.scan import find_forgotten
from raypp.forget.selection import claims_of
from raypp.forget.settings import ForgetSettings
from raypp.forget.work import ForgetWork, ForgottenSource
from raypp.ingest.plan import VeilPlan
from raypp.shards.labels import LabelTable, dataset_version, list_versions, read_labels
from raypp.shards.manifest import pending_receipts
from raypp.shards.reader import ShardReader
from raypp.shards.signature import read_signature
from raypp.shards.tags import pinned_by
from raypp.shards.vouching import check_signature
from raypp.text.wording import counted
from raypp.veil.derivation import keyed_hash
from raypp.veil.key import VeilKey, fingerprint

_BATCH_ROWS = 4096


@dataclass(frozen=True)
class OpenedArchive:
    """An archive whose lock is held, and its label versions.

    Attributes:
        settings: what is asked.
        reader: of its shards.
        tables: its label versions.
    """

    settings: ForgetSettings
    reader: ShardReader
    tables: tuple[LabelTable, ...]

    @classmethod
    def open(cls, settings: ForgetSettings) -> "OpenedArchive":
        """Open an archive that nobody is at work on.

        Raises:
            ConflictError: if a job was stopped in it.
            ShardError: if it is damaged, or encrypted and no key was given.
        """
        reader = ShardReader(settings.archive, settings.load_data_key())
        waiting = pending_receipts(reader.store)
        if waiting:
            raise ConflictError(
                f"archive {settings.archive} has {counted(len(waiting), 'receipt')} of a job that was stopped; "
                "run `raypp veil` again first"
            )
        return cls(settings, reader, tuple(read_labels(reader.store, name) for name in list_versions(reader.store)))

    def owner_work(self, plan: VeilPlan, key: VeilKey, begun_at: str) -> tuple[ForgetWork, int]:
        """Find what the owner's selection comes to, and how many of its sources have no capture time.

        Args:
            plan: the archive's.
            key: the owner's.
            begun_at: when, ISO 8601 in UTC.

        Raises:
            OptionError: if a name is none of the archive.
            ConflictError: if the archive is not as its owner signed it.
            KeyFileError: if the key is another archive's.
            ShardError: if the plan is lost.
        """
        header, manifest = self.reader.header, self.reader.manifest
        if key.public_key.hex() != header.public_key:
            raise KeyFileError(
                f"key {self.settings.key_path} has fingerprint {key.fingerprint}, and archive {self.settings.archive} "
                f"was veiled with that of {fingerprint(bytes.fromhex(header.public_key))}; use that key and its epoch"
            )
        if manifest.receipts and not plan.segments:
            raise ShardError(
                f"there is no plan of archive {self.settings.archive} in {self.settings.side}, and without it a rerun "
                "would veil again what is forgotten; name with `private` the folder that `raypp veil` kept"
            )
        self._check_signed()
        claims = claims_of(self.settings.selection, plan, self.settings.archive)
        findings = find_forgotten(claims.spans, plan, self.reader, key)
        order = ForgetOrder(
            public_key=header.public_key,
            veil_id=header.veil_id,
            manifest=manifest.digest,
            ordered_at=begun_at,
            changes=findings.changes,
        )
        selected = selection_digest(self.settings, key)
        return self._work(order, findings.variants, (selected, findings.sources), begun_at), claims.undated

    def holder_work(self, order: ForgetOrder, begun_at: str) -> ForgetWork:
        """Hold an order against a copy of its archive.

        Raises:
            ConflictError: if it is of another archive, or an earlier order comes first.
            ShardError: if the copy is damaged.
        """
        header = self.reader.header
        check_order(order, header.veil_id, header.public_key, self.settings.archive)
        receipts = {receipt.segment_id: receipt for receipt in self.reader.manifest.receipts}
        named = {change.segment_id for change in order.changes} | {change.becomes for change in order.changes}
        if not receipts.keys() & named:
            raise ConflictError(
                f"archive {self.settings.archive} has no segment that the order names: it is of another archive, or "
                "was done here before; nothing was forgotten"
            )
        done = tuple(change for change in order.changes if is_as_ordered(change, receipts.get(change.segment_id)))
        reached = {change.segment_id for change in done}
        samples = pa.array(sorted(order.sample_ids), pa.string())
        variants = 0
        for receipt in self.reader.manifest.receipts:
            for batch in (
                self.reader.shard(receipt.shard, ("sample_id", "variant"), _BATCH_ROWS) if receipt.shard else ()
            ):
                hit = pc.is_in(batch.rows.column("sample_id"), value_set=samples)
                if receipt.segment_id in reached:
                    variants += pc.sum(pc.and_(hit, pc.greater(batch.rows.column("variant"), 0))).as_py() or 0
                elif pc.any(hit).as_py():
                    raise ConflictError(
                        f"archive {self.settings.archive} has frames of the order in segment {receipt.segment_id}, "
                        "which is not as the order knows it; nothing was forgotten; do the owner's earlier orders "
                        "first, or get the archive anew"
                    )
        return self._work(order, variants, ("", ()), begun_at)

    def _work(
        self, order: ForgetOrder, variants: int, selected: tuple[str, tuple[ForgottenSource, ...]], begun_at: str
    ) -> ForgetWork:
        manifest = self.reader.manifest
        here = {receipt.segment_id: receipt for receipt in manifest.receipts}
        changes = [change for change in order.changes if is_as_ordered(change, here.get(change.segment_id))]
        rows = sum(len(change.sample_ids) for change in changes)
        samples = pa.array(sorted(order.sample_ids), pa.string())
        signature = read_signature(self.reader.store)
        labels = labels_before(self.tables, signature.labels if signature else {}, samples)
        self._check_free(
            [change.segment_id for change in changes], [before.version for before in labels if before.forgotten]
        )
        datasets = held_datasets(manifest, self.tables, samples, self._earlier())
        return ForgetWork(
            selection=selected[0],
            order=order,
            is_own=self.settings.order is None,
            sources=selected[1],
            manifest=manifest.digest,
            frames=rows - variants,
            variants=variants,
            labels=labels,
            datasets=datasets,
            models=judge_models(self.settings.models, order.veil_id, datasets, self._dataset_versions()),
            begun_at=begun_at,
        )

    def _check_free(self, segments: Sequence[str], labels: Sequence[str]) -> None:
        """Refuse to change what a tag pins."""
        tags = pinned_by(self.reader.store, segments, labels)
        if tags:
            raise ConflictError(
                f"tag {', '.join(tags)} of archive {self.settings.archive} pins what is to be forgotten; nothing was "
                "forgotten; remove it with `raypp dataset untag` first"
            )

    def _dataset_versions(self) -> Iterable[str]:
        return [dataset_version(self.reader.manifest, table) for table in self.tables]

    def _earlier(self) -> Sequence[ForgetReceipt]:
        return [
            receipt for receipt in kept_receipts(self.settings.side) if receipt.veil_id == self.reader.header.veil_id
        ]

    def _check_signed(self) -> None:
        """Refuse what the owner did not sign, since the owner signs what is left of it."""
        store = self.reader.store
        if read_signature(store) is None:
            return
        digests = {table.version: table.digest for table in self.tables}
        wanted = fingerprint(bytes.fromhex(self.reader.header.public_key))
        problems = check_signature(store, self.reader.manifest, digests, wanted).problems
        if problems:
            raise ConflictError(f"archive {store.root} is not as its owner signed it: {problems[0]}")


def selection_digest(settings: ForgetSettings, key: VeilKey) -> str:
    """Return the keyed digest of what is selected, by which the same command is known again; hex."""
    return keyed_hash(key.hash_secret("", "forget"), settings.selection.model_dump_json().encode()).hex()
