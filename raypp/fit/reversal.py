"""Reversal of gradients: what learns against what."""

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, weight):  # type: ignore[no-untyped-def]
        ctx.weight = weight
        return values.view_as(values)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return -ctx.weight * gradient, None


def reverse_gradient(values: Tensor, weight: float) -> Tensor:
    """Return the values as they are; what comes back is turned round and weighed (Ganin and Lempitsky, ICML 2015)."""
    reversed_: Tensor = _Reverse.apply(values, weight)  # type: ignore[no-untyped-call]
    return reversed_
