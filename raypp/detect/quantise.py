"""Quantisation that gradients pass through."""

import torch
from torch import Tensor


def one_hot_levels(levels_NCGG: Tensor, count: int) -> Tensor:
    """Round each value to its level and return it one-hot, as the detector's adapter reads codes.

    Forward it is exactly the one-hot of the rounded value. Backward it is the linear interpolation between the two
    nearest levels (a straight-through estimate, Bengio et al. 2013), so the encoder learns which way is better.

    Args:
        levels_NCGG: float values in [0, count - 1].
        count: number of levels, L.

    Returns:
        float[N, C * L, G, G], of a channel's levels one beside the other.
    """
    values = torch.arange(count, device=levels_NCGG.device, dtype=levels_NCGG.dtype)[:, None, None]
    between = (1 - (levels_NCGG[:, :, None] - values).abs()).clamp(min=0)
    hard = (levels_NCGG.detach().round()[:, :, None] == values).to(between.dtype)
    return (between + (hard - between).detach()).flatten(1, 2)
