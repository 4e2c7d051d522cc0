"""The Ray actor that writes shards anew without what is forgotten: it owns the opened archive, and no veil key."""

from raypp.forget.worker import RewriteSettings, RewriteWorker, SegmentRewrite, rewrite_segment
from raypp.ingest.attempts import keep_receipts


class RewriteActor:
    """Writes segments anew; what passes through Ray are segments and receipts.

    Args:
        settings: JSON of `RewriteSettings`; the data key is read from where they say, on the node of this actor.
    """

    def __init__(self, settings: str) -> None:
        self._settings = settings

    def begin(self) -> None:
        """Open the archive; raises as `RewriteWorker.open` does."""
        self._worker = RewriteWorker.open(RewriteSettings.model_validate_json(self._settings))

    def work(self, row: bytes, again: bool) -> bytes:  # noqa: ARG002 - doing it again gives the same shard
        """Write a segment anew, JSON of `SegmentRewrite`; returns its receipt, once both are on the disk."""
        receipt = rewrite_segment(SegmentRewrite.model_validate_json(row), self._worker)
        keep_receipts([receipt], self._worker.store)
        return receipt.to_bytes()
