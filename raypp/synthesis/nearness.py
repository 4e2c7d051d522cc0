"""Nearness of frames: how few code values differ between a frame and the nearest that was learned."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from raypp.synthesis.frames import RealFrame

Floats = npt.NDArray[np.float64]
_AT_ONCE = 64


def nearest_distances(frames: Sequence[RealFrame], learned: Sequence[RealFrame], levels: int) -> Floats:
    """Return each frame's Hamming distance to the nearest of the learned frames, as a share of code values.

    Frames of another window or sub-key share no names, and are not compared.

    Args:
        frames: N frames.
        learned: frames that they are compared with.
        levels: names of a code value.

    Returns:
        float64[M] in [0, 1], of the M frames that have something to be compared with, in no order.
    """
    groups: dict[tuple[object, ...], list[RealFrame]] = defaultdict(list)
    for frame in learned:
        groups[_shape(frame)].append(frame)
    alike: dict[tuple[object, ...], list[RealFrame]] = defaultdict(list)
    for frame in frames:
        alike[_shape(frame)].append(frame)
    distances = [_nearest(some, groups[shape], levels) for shape, some in alike.items() if groups[shape]]
    return np.concatenate(distances) if distances else np.zeros(0)


def _shape(frame: RealFrame) -> tuple[object, ...]:
    return (*frame.codes_CRW.shape, frame.layout.sub_key)


@torch.inference_mode()
def _nearest(frames: Sequence[RealFrame], learned: Sequence[RealFrame], levels: int) -> Floats:
    others = _one_hot(learned, levels)
    values = frames[0].codes_CRW.size
    nearest: list[Floats] = []
    for start in range(0, len(frames), _AT_ONCE):
        equal = _one_hot(frames[start : start + _AT_ONCE], levels) @ others.T
        nearest.append(1 - equal.amax(1).double().numpy() / values)
    return np.concatenate(nearest)


def _one_hot(frames: Sequence[RealFrame], levels: int) -> torch.Tensor:
    """Names of frames as float32[N, D * L]: sums of up to 2**24 of them are exact."""
    codes = torch.from_numpy(np.stack([frame.codes_CRW for frame in frames])).flatten(1)
    return functional.one_hot(codes.long(), levels).flatten(1).float()
