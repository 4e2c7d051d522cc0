"""The Ray actor that translates shards under another key: it owns the opened keys and archives, and nothing else."""

from raypp.ingest.attempts import keep_receipts
from raypp.rekey.segment import RekeyedSegment
from raypp.rekey.settings import ArchiveRekeying
from raypp.rekey.worker import RekeyWorker, translate_segment


class RekeyActor:
    """Translates segments; what passes through Ray are segments and receipts.

    Args:
        settings: JSON of `ArchiveRekeying`; keys are read from the files it names, on the node where this actor runs.
    """

    def __init__(self, settings: str) -> None:
        self._settings = settings

    def begin(self) -> None:
        """Open keys and archives; raises as `RekeyWorker.open` does."""
        self._worker = RekeyWorker.open(ArchiveRekeying.model_validate_json(self._settings))

    def work(self, row: bytes, again: bool) -> bytes:  # noqa: ARG002 - doing it again gives the same shard
        """Translate a segment, JSON of `RekeyedSegment`; returns its receipt, once both are on the disk."""
        receipt = translate_segment(RekeyedSegment.model_validate_json(row), self._worker)
        keep_receipts([receipt], self._worker.store)
        return receipt.to_bytes()
