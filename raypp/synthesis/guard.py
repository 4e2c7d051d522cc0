"""The guard of synthetic frames: none lies nearer to a learned frame than nearly all frames that nobody learned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from raypp.synthesis.frames import RealFrame
from raypp.synthesis.layout import BoxLayout
from raypp.synthesis.nearness import nearest_distances
from raypp.synthesis.report import NEAREST_PERCENTILE


@dataclass(frozen=True, repr=False, eq=False)
class NearnessGuard:
    """Refuses frames that lie too near to a learned one.

    Attributes:
        learned: frames that the generator learned.
        levels: names of a code value.
        least: Hamming distance to the nearest learned frame, as a share of code values, that a frame must have.
    """

    learned: Sequence[RealFrame]
    levels: int
    least: float

    @classmethod
    def of(cls, learned: Sequence[RealFrame], others: Sequence[RealFrame], levels: int) -> "NearnessGuard":
        """Return the guard whose least distance is the 5th percentile of other real frames' distances.

        Args:
            learned: frames that the generator learned.
            others: frames that it did not; where none can be compared, nothing is refused.
            levels: names of a code value.
        """
        distances = nearest_distances(others, learned, levels)
        return cls(learned, levels, float(np.percentile(distances, NEAREST_PERCENTILE)) if len(distances) else 0.0)

    def refused(self, codes_NCRW: Tensor, layouts: Sequence[BoxLayout]) -> list[int]:
        """Return the numbers of the frames that lie too near.

        Args:
            codes_NCRW: uint8[N, C, rows, columns], frames of one window and one sub-key.
            layouts: theirs.
        """
        drawn = [RealFrame("", "", codes, layout) for codes, layout in zip(codes_NCRW.numpy(), layouts, strict=True)]
        distances = nearest_distances(drawn, self.learned, self.levels)
        return np.flatnonzero(distances < self.least).tolist()
