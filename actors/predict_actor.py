"""The Ray Data actor that studies a detector on labelled frames: it owns the loaded detector, and nothing else."""

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from raypp.evaluate.predict import Predictor
from raypp.evaluate.request import PredictSettings


class PredictActor:
    """Maps rows of labelled frames to studied samples.

    Args:
        settings: JSON of `PredictSettings`.
        threads: threads to compute with.
    """

    def __init__(self, settings: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._predictor = Predictor.open(PredictSettings.model_validate_json(settings))

    def __call__(self, rows: pa.Table) -> dict[str, Any]:
        """Predict on up to `PREDICT_BATCH` rows; column `sample` holds each `PredictedSample`, pickled."""
        return {
            "sample": np.array([pickle.dumps(sample) for sample in self._predictor(rows.to_pylist())], dtype=object)
        }
