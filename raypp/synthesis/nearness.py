"""Nearness of frames: how few code values differ between a frame and the nearest that was learned."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.synthesis.frames import RealFrame

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False, eq=False)
class LearnedFrames:
    """Frames that a generator learned, put in order once for many comparisons.

    Frames of another window or sub-key share no names, and are not compared.

    Attributes:
        codes_ND: uint8[N, D], the code values of the frames of each window and sub-key.
    """

    codes_ND: dict[tuple[int, ...], npt.NDArray[np.uint8]]

    @classmethod
    def of(cls, frames: Iterable[RealFrame]) -> "LearnedFrames":
        """Put frames in order."""
        groups: dict[tuple[int, ...], list[npt.NDArray[np.uint8]]] = defaultdict(list)
        for frame in frames:
            groups[_kind(frame)].append(frame.codes_CRW.ravel())
        return cls({kind: np.stack(codes) for kind, codes in groups.items()})

    def distances(self, frames: Iterable[RealFrame]) -> Floats:
        """Return each frame's Hamming distance to the nearest learned frame, as a share of code values.

        Args:
            frames: frames to compare.

        Returns:
            float64[M] in [0, 1], of the M frames that have something to be compared with, in their order.
        """
        kinds = ((frame, self.codes_ND.get(_kind(frame))) for frame in frames)
        return np.array([_nearest(frame, codes_ND) for frame, codes_ND in kinds if codes_ND is not None])


def _kind(frame: RealFrame) -> tuple[int, ...]:
    return (*frame.codes_CRW.shape, frame.layout.sub_key)


def _nearest(frame: RealFrame, codes_ND: npt.NDArray[np.uint8]) -> float:
    equal = int(np.count_nonzero(codes_ND == frame.codes_CRW.ravel(), axis=1).max())
    return 1 - equal / len(codes_ND[0])
