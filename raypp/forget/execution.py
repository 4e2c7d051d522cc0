"""An order as it is done in an archive: shards, labels, manifest, and what is no longer needed, in this order.

Until the new manifest is in place, the archive is as it was, and from then on as it will be. So a run that is killed
leaves one or the other, with files beside it that the next run takes away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from raypp.execution import ExecutionSettings, Executor, On, on_ray
from raypp.forget.order import ForgetOrder, SegmentChange
from raypp.forget.worker import RewriteSettings, RewriteWorker, SegmentRewrite, rewrite_segments
from raypp.ingest.segment import shard_path
from raypp.progress import Progress
from raypp.shards.labels import LabelTable, list_versions, read_labels, replace_labels
from raypp.shards.manifest import Manifest, compile_manifest, pending_receipts, read_archive_header, read_manifest
from raypp.shards.receipt import Receipt
from raypp.shards.store import Store

_BYTES_PER_S = 25e6
"""Bytes of shards that one core is taken to write anew: a guess, not measured. It decides between here and Ray."""

RewriteExecutor = Executor[[Sequence[SegmentRewrite], RewriteSettings], Iterator[Receipt]]
"""Writes segments anew, in any order, and yields each receipt as it is durable."""


class ForgottenArchive(NamedTuple):
    """An archive without what was forgotten: its manifest, and its label versions by name."""

    manifest: Manifest
    labels: dict[str, LabelTable]


def rewrite_here(segments: Sequence[SegmentRewrite], settings: RewriteSettings) -> Iterator[Receipt]:
    """Write segments anew one after another in this process."""
    for group in rewrite_segments(segments, RewriteWorker.open(settings)):
        yield from group


@dataclass(frozen=True)
class OrderExecution:
    """An order and the archive that it is done in, whose lock is held.

    Attributes:
        order: what is forgotten.
        settings: the archive, as workers open it.
        store: the archive.
    """

    order: ForgetOrder
    settings: RewriteSettings
    store: Store

    def run(self, execution: ExecutionSettings, progress: Progress) -> ForgottenArchive:
        """Take out what the order names; run again after a kill, it gives the same archive.

        Args:
            execution: where shards are written anew.
            progress: is told how far it is.

        Raises:
            ShardError: if the archive is damaged or cannot be written.
        """
        self.store.sweep()
        self._rewrite(execution, progress)
        self.store.sweep()  # of workers that were killed
        labels = dict(self._labels())
        changed = [change for change in self.order.changes if change.becomes != change.segment_id]
        manifest = compile_manifest(
            self.store, read_archive_header(self.store), {change.segment_id for change in changed}
        )
        self._remove_shards(manifest)
        return ForgottenArchive(manifest, labels)

    def _rewrite(self, execution: ExecutionSettings, progress: Progress) -> None:
        todo = self._todo()
        if not todo:
            return
        seconds = sum(segment.receipt.shard_bytes for segment in todo) / _BYTES_PER_S
        on_cluster = execution.choose(len(todo), seconds) is On.RAY
        execute: RewriteExecutor = on_ray("forget", execution) if on_cluster else rewrite_here
        total = sum(segment.receipt.frames for segment in todo)
        with progress.task("forgetting", total) as advance:
            for done, receipt in enumerate(execute(todo, self.settings), 1):
                advance(receipt.frames, f"{done}/{len(todo)} segments", receipt.frames)

    def _todo(self) -> list[SegmentRewrite]:
        """Segments that are as the order found them, and are not written anew yet."""
        receipts = {receipt.segment_id: receipt for receipt in read_manifest(self.store).receipts}
        done = {receipt.segment_id for receipt in pending_receipts(self.store) if self._has_shard(receipt)}
        return [
            SegmentRewrite(change=change, receipt=receipts[change.segment_id])
            for change in self.order.changes
            if change.becomes is not None
            and change.becomes not in done
            and is_as_ordered(change, receipts.get(change.segment_id))
        ]

    def _has_shard(self, receipt: Receipt) -> bool:
        return receipt.shard is None or self.store.size(receipt.shard) == receipt.shard_bytes

    def _labels(self) -> Iterator[tuple[str, LabelTable]]:
        """Label versions without the forgotten rows; those without any other row go."""
        forgotten = pa.array(sorted(self.order.sample_ids), pa.string())
        for version in list_versions(self.store):
            table = read_labels(self.store, version)
            kept = table.columns.filter(pc.invert(pc.is_in(table.columns["sample_id"], value_set=forgotten)))
            if kept.num_rows < table.columns.num_rows:
                table = LabelTable(version, table.classes, table.veil_id, kept.combine_chunks())
                replace_labels(self.store, table)
            if table.columns.num_rows:
                yield version, table

    def _remove_shards(self, manifest: Manifest) -> None:
        """Remove the shards that changed segments had before, and those that killed runs left."""
        kept = {receipt.shard for receipt in manifest.receipts}
        begins = {
            shard_path(change.segment_id, manifest.header.veil_id).removesuffix(".parquet")
            for change in self.order.changes
        }
        old = [name for name in self.store.listing("shards") if name not in kept and _begin(name) in begins]
        if old:
            self.store.remove(old)


def is_as_ordered(change: SegmentChange, receipt: Receipt | None) -> bool:
    """Whether a segment is there, with the very rows that the order was made for."""
    return receipt is not None and receipt.content_sha256 == change.content


def _begin(shard: str) -> str:
    """Path of a segment's first shard without its ending; one that was written anew has the digest of its rows, too."""
    folder, _, name = shard.rpartition("/")
    return f"{folder}/{'-'.join(name.removesuffix('.parquet').split('-')[:2])}"
