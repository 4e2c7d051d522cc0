"""Detections on a sample, matched with its labels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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
