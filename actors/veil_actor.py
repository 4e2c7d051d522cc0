"""The Ray Data actor that veils segments: it owns the opened key and output, and nothing else."""

from typing import Any

import numpy as np

from raypp.ingest.attempts import attempt_segment
from raypp.ingest.segment import Segment
from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker


class VeilActor:
    """Maps rows of one segment each to rows of one outcome each.

    Frames are decoded, veiled and written inside this process: what passes through Ray are segments and receipts.

    Args:
        settings: JSON of `VeilSettings`; keys are read from the files it names, on the node where this actor runs.
    """

    def __init__(self, settings: str) -> None:
        self._worker = SegmentWorker.open(VeilSettings.model_validate_json(settings))

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Veil a batch of segments: column `segment` (JSON) in, column `outcome` (JSON) out."""
        outcomes = [
            attempt_segment(Segment.model_validate_json(row), self._worker).model_dump_json()
            for row in batch["segment"]
        ]
        return {"outcome": np.array(outcomes, dtype=object)}
