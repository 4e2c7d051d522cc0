"""A model of codes by their contexts, which learns beside the encoder: the bits that a coder would take for them."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_SIDE = 5
_MIDDLE = _SIDE // 2


class ContextModel(nn.Module):
    """Probabilities of code values from values that come before, channel by channel and row by row within one.

    A softmax over sums of weights, one for each neighbour's value, as `raypp.audit.coding.adaptive_model` has it, but
    with gradients: they reach the values that are coded and those that these are expected from. Neighbours are twelve
    values of each channel in a window of 5x5 cells, and in channels before, which are known as a whole, nine of 3x3.

    Args:
        channels: code values of a cell, C.
        levels: distinct values of a channel, L.
    """

    known: Tensor

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.channels, self.levels = channels, levels
        self.sums = nn.Conv2d(channels * levels, channels * levels, _SIDE, padding=_MIDDLE)
        nn.init.zeros_(self.sums.weight)  # nothing is expected before anything was learnt
        nn.init.zeros_(self.sums.bias)  # type: ignore[arg-type]
        self.register_buffer("known", _known(channels, levels), persistent=False)

    def forward(self, one_hot_N: Tensor) -> Tensor:
        """Return the mean bits of a value of one-hot codes, float[N, C * L, G, G], after an ideal arithmetic coder."""
        with torch.autocast(one_hot_N.device.type, enabled=False):
            codes = one_hot_N.float()
            sums = functional.conv2d(codes, self.sums.weight * self.known, self.sums.bias, padding=_MIDDLE)
            shape = (len(codes), self.channels, self.levels, *codes.shape[2:])
            of_values = (sums.reshape(shape).log_softmax(2) * codes.reshape(shape)).sum(2)
            bits: Tensor = -of_values.mean() / math.log(2)
            return bits


def _known(channels: int, levels: int) -> Tensor:
    """Weights that may count, float[C * L, C * L, 5, 5] of 0 and 1: those of values that come before."""
    before = torch.zeros(_SIDE, _SIDE)
    before[:_MIDDLE] = 1
    before[_MIDDLE, :_MIDDLE] = 1
    near = torch.zeros(_SIDE, _SIDE)
    near[_MIDDLE - 1 : _MIDDLE + 2, _MIDDLE - 1 : _MIDDLE + 2] = 1
    earlier = torch.ones(channels, channels).tril(-1)[:, :, None, None]
    return torch.maximum(before, earlier * near).repeat_interleave(levels, 0).repeat_interleave(levels, 1)
