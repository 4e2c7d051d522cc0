"""The Ray Data actor that studies a detector on labelled frames: it owns the loaded detector, and nothing else."""

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from raypp.evaluate.predict import Study
from raypp.evaluate.request import StudySettings


class StudyActor:
    """Maps rows of labelled frames to studied samples.

    Args:
        settings: JSON of `StudySettings`.
        threads: threads to compute with.
    """

    def __init__(self, settings: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._study = Study.open(StudySettings.model_validate_json(settings))

    def __call__(self, rows: pa.Table) -> dict[str, Any]:
        """Study up to `STUDY_BATCH` rows; column `sample` holds each `StudiedSample`, pickled."""
        return {"sample": np.array([pickle.dumps(one) for one in self._study(rows.to_pylist())], dtype=object)}
