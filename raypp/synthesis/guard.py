"""The guard of synthetic frames: none lies nearer to a learned frame than nearly all frames that nobody learned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from raypp.synthesis.frames import RealFrame
from raypp.synthesis.layout import BoxLayout
from raypp.synthesis.nearness import LearnedFrames
from raypp.synthesis.report import NEAREST_PERCENTILE


@dataclass(frozen=True, repr=False, eq=False)
class NearnessGuard:
    """Refuses frames that lie too near to a learned one.

    Attributes:
        learned: frames that the generator learned.
        least: Hamming distance to the nearest learned frame, as a share of code values, that a frame must have.
    """

    learned: LearnedFrames
    least: float

    @classmethod
    def of(cls, learned: LearnedFrames, others: Sequence[RealFrame]) -> "NearnessGuard":
        """Return the guard whose least distance is the 5th percentile of other real frames' distances.

        Args:
            learned: frames that the generator learned.
            others: frames that it did not; where none can be compared, nothing is refused.
        """
        distances = learned.distances(others)
        return cls(learned, float(np.percentile(distances, NEAREST_PERCENTILE)) if len(distances) else 0.0)

    def refused(self, codes_NCRW: Tensor, layouts: Sequence[BoxLayout]) -> list[int]:
        """Return the numbers of the frames that lie too near.

        Args:
            codes_NCRW: uint8[N, C, rows, columns], frames of one window and one sub-key.
            layouts: theirs.
        """
        drawn = [RealFrame("", "", codes, layout) for codes, layout in zip(codes_NCRW.numpy(), layouts, strict=True)]
        return np.flatnonzero(self.learned.distances(drawn) < self.least).tolist()
