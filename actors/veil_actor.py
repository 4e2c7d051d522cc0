"""The Ray Data actor that veils segments: it owns the opened key and output, and nothing else."""

from itertools import chain
from typing import Any

import numpy as np
import ray

from raypp.ingest.attempts import attempt_segments
from raypp.ingest.batches import batch_of_row, outcomes_to_row
from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker


class VeilActor:
    """Maps rows of one batch of segments each to rows of its outcomes.

    Frames are decoded, veiled and written inside this process: what passes through Ray are segments and receipts.

    Args:
        settings: JSON of `VeilSettings`; keys are read from the files it names, on the node where this actor runs.
    """

    def __init__(self, settings: str) -> None:
        self._worker = SegmentWorker.open(VeilSettings.model_validate_json(settings))
        context = ray.get_runtime_context()
        self._again = bool(context.was_current_actor_reconstructed)  # Ray hands what the dead one had to its successor

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """Veil batches; column `batch` in, column `outcomes` out, as `raypp.ingest.batches` reads and writes them."""
        return {"outcomes": np.array([self._veil(row) for row in rows["batch"]], dtype=object)}

    def _veil(self, row: bytes) -> bytes:
        groups = attempt_segments(batch_of_row(row), self._worker, again=self._again)
        return outcomes_to_row(list(chain.from_iterable(groups)))
