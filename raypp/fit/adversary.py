"""Adversaries: decoders that learn, beside the encoder, to reconstruct images from its codes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from raypp.audit.attacks.reconstruct.similarity import luma_cells
from raypp.fit.adversary_shape import AdversaryShape

_HIDDEN = 64
UNIT = 255.0
"""Grey levels that a difference of 1 stands for in what adversaries reconstruct."""


class AdversaryNetwork(nn.Module):
    """A decoder from codes to what an image shows in each cell: its detail, its edges, its colour.

    Args:
        shape: how it looks.
        channels: code values per cell, C.
        levels: distinct code values, L.
        patch: side of a cell in pixels, p.
    """

    def __init__(self, shape: AdversaryShape, channels: int, levels: int, patch: int) -> None:
        super().__init__()
        self.shape, self.channels, self.levels, self.patch = shape, channels, levels, patch
        outputs = patch**2 + (patch - 1) ** 2 + 3
        if shape is AdversaryShape.NAMES:
            self.enter = _layer(channels * levels, _HIDDEN, 1)
            self.body = nn.Sequential(_layer(_HIDDEN, _HIDDEN, 3), _layer(_HIDDEN, _HIDDEN, 3))
        else:
            self.enter = _layer(channels, _HIDDEN, 3)
            body = _Pyramid if shape is AdversaryShape.PYRAMID else _Field
            self.body = nn.Sequential(body())
        self.leave = nn.Conv2d(_HIDDEN, outputs, 1)

    def forward(self, one_hot_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruct what is in each cell.

        Args:
            one_hot_N: float[N, C * L, G, G].

        Returns:
            Luma inside each cell float[N, p*p, G, G], the gradient's magnitude inside it float[N, (p-1)**2, G, G], and
            its colour float[N, 3, G, G].
        """
        entered = one_hot_N
        if self.shape is not AdversaryShape.NAMES:
            values = torch.linspace(-1, 1, self.levels, device=one_hot_N.device, dtype=one_hot_N.dtype)
            split = one_hot_N.reshape(len(one_hot_N), self.channels, self.levels, *one_hot_N.shape[2:])
            entered = (split * values[:, None, None]).sum(2)
        left = self.leave(self.body(self.enter(entered))).float()
        detail, edges, tone = left.split([self.patch**2, (self.patch - 1) ** 2, 3], dim=1)
        return detail, edges, tone

    def restart(self) -> None:
        """Forget all that was learned."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                module.reset_parameters()


class _Field(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_layer(_HIDDEN, _HIDDEN, 3) for _ in range(3)))

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = self.layers(values)
        return out


class _Pyramid(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = _layer(_HIDDEN, _HIDDEN, 3, stride=2)
        self.deep = nn.Sequential(_layer(_HIDDEN, _HIDDEN, 3, stride=2), _layer(_HIDDEN, _HIDDEN, 3))
        self.join = _layer(2 * _HIDDEN, _HIDDEN, 3)
        self.out = _layer(2 * _HIDDEN, _HIDDEN, 3)

    def forward(self, values: Tensor) -> Tensor:
        half = self.down(values)
        up = functional.interpolate(self.deep(half), half.shape[-2:])
        up = functional.interpolate(self.join(torch.cat([half, up], 1)), values.shape[-2:])
        out: Tensor = self.out(torch.cat([values, up], 1))
        return out


def _layer(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU(inplace=True)
    )


def cells_of(images_N3HW: Tensor, patch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what an adversary is to reconstruct of images in [0, 1]: luma, gradients and colour of each cell."""
    cells = luma_cells(images_N3HW, patch)
    square = cells.reshape(len(cells), patch, patch, *cells.shape[2:])
    across = square.diff(dim=2)[:, :-1]
    down = square.diff(dim=1)[:, :, :-1]
    edges = (across.square() + down.square() + 1e-12).sqrt().flatten(1, 2)
    return cells, edges, functional.avg_pool2d(images_N3HW, patch)


def explained(mine: Tensor, true: Tensor) -> Tensor:
    """Share of the variance of each channel that is explained, mean over channels; at most 1, below 0 if worse."""
    error = (mine - true).square().mean((0, 2, 3))
    return (1 - error / true.var((0, 2, 3)).clamp(min=1e-6)).mean()
