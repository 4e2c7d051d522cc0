"""The Ray actor that judges a detector on labelled frames: it owns the loaded detector, and nothing else."""

import json
import pickle

import torch

from raypp.evaluate.predict import ShardPredictor
from raypp.evaluate.request import PredictSettings


class PredictActor:
    """Predicts on the labelled frames of shards, which it reads itself.

    Args:
        settings: JSON of `PredictSettings`.
        threads: threads to compute with.
    """

    def __init__(self, settings: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._settings = settings

    def begin(self) -> None:
        """Load detector and labels; raises as `ShardPredictor` does."""
        self._predictor = ShardPredictor(PredictSettings.model_validate_json(self._settings))

    def work(self, row: bytes, again: bool) -> bytes:  # noqa: ARG002 - predicting again changes nothing
        """Predict on the frames of shards, a JSON list of relative paths; returns pickled `PredictedSample`s."""
        return pickle.dumps(list(self._predictor.predict(json.loads(row))))
