"""How few bits frames of codes take after an ideal coder."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from raypp.audit.coding.adaptive_model import AdaptiveModel, Codes

_PASSES, _EARLIER = 2, 1_000_000
"""Passes over frames that come before, and values looked at in all of those passes, at most."""


def coded_bits(frames: Sequence[Codes], levels: int, earlier: Sequence[Codes]) -> npt.NDArray[np.float64]:
    """Return whole bits of each frame after an ideal arithmetic coder under `AdaptiveModel`, float64[N].

    The model begins with frames that come before, as whoever holds shards has them. It goes on learning from each
    frame once that is coded. No frame takes more than its values do as they are. One thread computes it, so that a
    machine gives the same figures again.

    Args:
        frames: N of them, at least one, uint8[C, h, w] each, of values below `levels`.
        levels: number of values that each code can take, at most 256.
        earlier: frames of the same veil that come before, likewise; may be none.
    """
    places = spread(len(earlier), _EARLIER // (_PASSES * frames[0].size))
    model = AdaptiveModel(len(frames[0]), levels)
    with threadpool_limits(1):
        for place in (*places,) * _PASSES:
            model.code(earlier[place])
        bits = [min(model.code(frame), frame.size * np.log2(levels)) for frame in frames]
    return np.ceil(bits)


def spread(count: int, most: int) -> list[int]:
    """Return at most so many places of `count`, evenly from the first to the last, and at least one if there is any."""
    return [round(place) for place in np.linspace(0, count - 1, min(count, max(most, 1))).tolist()]
