"""The Ray actor that veils segments: it owns the opened key and output, and nothing else."""

from itertools import chain

from raypp.ingest.attempts import attempt_segments
from raypp.ingest.batches import batch_of_row, outcomes_to_row
from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker


class VeilActor:
    """Veils batches of segments.

    Frames are decoded, veiled and written inside this process: what passes through Ray are segments and receipts.

    Args:
        settings: JSON of `VeilSettings`; keys are read from the files it names, on the node where this actor runs.
    """

    def __init__(self, settings: str) -> None:
        self._settings = settings

    def begin(self) -> None:
        """Open key and output; raises as `SegmentWorker.open` does."""
        self._worker = SegmentWorker.open(VeilSettings.model_validate_json(self._settings))

    def work(self, row: bytes, again: bool) -> bytes:
        """Veil a batch; rows as `raypp.ingest.batches` reads and writes them.

        Args:
            row: the batch.
            again: whether a worker was lost that had it; then what has a receipt is not done again.
        """
        groups = attempt_segments(batch_of_row(row), self._worker, again=again)
        return outcomes_to_row(list(chain.from_iterable(groups)))
