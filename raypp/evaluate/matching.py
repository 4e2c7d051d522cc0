"""Detections on a sample, matched with its labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import numpy as np
import numpy.typing as npt

_THRESHOLDS = 10
_JOINED_AT_ONCE = 1024


@dataclass(frozen=True)
class SampleMatches:
    """Detections on one sample, matched.

    Attributes:
        sample_id: the sample.
        correct_PT: bool[P, 10], whether each detection is right at IoU 0.5, 0.55 ... 0.95.
        confidence_P: float32[P].
        predicted_P: class of each detection, float32[P].
        labelled_L: class of each labelled box, float32[L].
    """

    sample_id: str
    correct_PT: npt.NDArray[np.bool_]
    confidence_P: npt.NDArray[np.float32]
    predicted_P: npt.NDArray[np.float32]
    labelled_L: npt.NDArray[np.float32]


@dataclass(frozen=True)
class JoinedMatches:
    """Matches of some samples, one sample after the other; fields as those of `SampleMatches`.

    Attributes:
        samples: how many.
        image_classes: the classes labelled on each sample, each once a sample.
    """

    samples: int
    correct_PT: npt.NDArray[np.bool_]
    confidence_P: npt.NDArray[np.float32]
    predicted_P: npt.NDArray[np.float32]
    labelled_L: npt.NDArray[np.float32]
    image_classes: npt.NDArray[np.float32]

    @classmethod
    def of(cls, matches: Iterable[SampleMatches]) -> Self:
        """Join matches in their order; of values that are made one by one, only some are held at once."""
        remaining, count = iter(matches), 0
        parts: list[list[npt.NDArray[Any]]] = [[np.zeros((0, _THRESHOLDS), dtype=np.bool_)]]
        parts += [[np.zeros(0, dtype=np.float32)] for _ in range(4)]
        while some := list(islice(remaining, _JOINED_AT_ONCE)):
            count += len(some)
            arrays = (
                (match.correct_PT, match.confidence_P, match.predicted_P, match.labelled_L, np.unique(match.labelled_L))
                for match in some
            )
            for part, column in zip(parts, zip(*arrays, strict=True), strict=True):
                part.append(np.concatenate(column))
        return cls(count, *(np.concatenate(part) for part in parts))
