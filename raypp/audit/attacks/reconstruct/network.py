"""A convolutional decoder on the grid of cells, and how it learns: what every attack by a network shares."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from raypp.audit.attacks.reconstruct.similarity import inside_cells
from raypp.audit.core.model import Frames
from raypp.detect.precision import half_precision

Draw: TypeAlias = Callable[[np.random.Generator], tuple[Tensor, Tensor]]
"""Draws a batch: planes float[N, F, g, g'], and the pixels behind them, float[N, 3, g*p, g'*p], as `to_targets` has."""
Place: TypeAlias = tuple[int, slice, slice]
"""Number of an image, and rows and columns of its cells."""

_RATE = 3e-3
_GREY, _SPREAD = 128.0, 64.0
"""Bring pixels near zero and one for training."""


class GridDecoder(nn.Module):
    """From planes on the grid to images: down to half and a quarter of the grid and up again, then pixels of cells.

    A U-Net (Ronneberger et al., MICCAI 2015) whose finest plane is the grid of cells, and whose last layer gives each
    cell's pixels (Shi et al., CVPR 2016).

    Args:
        inputs: planes of a cell, F.
        patch: side of a cell in pixels, p.
        width: channels of the finest level.
    """

    def __init__(self, inputs: int, patch: int, width: int = 64) -> None:
        super().__init__()
        self.patch = patch
        self.enter = nn.Sequential(_layer(inputs, width, 1), _layer(width, width, 3))
        self.down = _layer(width, 2 * width, 3, stride=2)
        self.deep = nn.Sequential(_layer(2 * width, 2 * width, 3, stride=2), _layer(2 * width, 2 * width, 3))
        self.join = _layer(4 * width, width, 3)
        self.out = nn.Sequential(_layer(2 * width, 2 * width, 3), nn.Conv2d(2 * width, 3 * patch**2, 1))

    def forward(self, planes_NFGG: Tensor) -> Tensor:
        """Return images as `to_targets` has them, float[N, 3, G*p, G'*p]."""
        return functional.pixel_shuffle(self.cells(planes_NFGG), self.patch)

    def cells(self, planes_NFGG: Tensor) -> Tensor:
        """Return the same by cells, float[N, 3 * p*p, G, G'], as `pixel_unshuffle` has them."""
        fine = self.enter(planes_NFGG)
        half = self.down(fine)
        up = functional.interpolate(self.deep(half), half.shape[-2:])
        up = functional.interpolate(self.join(torch.cat([half, up], 1)), fine.shape[-2:])
        cells: Tensor = self.out(torch.cat([fine, up], 1))
        return cells

    def learn(self, draw: Draw, steps: int, chance: np.random.Generator) -> None:
        """Train for so many steps: absolute error, and likeness inside cells, which is what leakage is measured by.

        Where the processor multiplies matrices in bfloat16, layers do so; weights and the loss are float32.
        """
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        half = half_precision(torch.device("cpu"))
        optimizer = torch.optim.Adam(self.parameters(), _RATE, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.2)
        self.train()
        for _ in range(steps):
            planes, pixels = draw(chance)
            with torch.autocast("cpu", dtype=half, enabled=half is not None):
                guessed = self.cells(planes.contiguous(memory_format=torch.channels_last)).float()
            wanted = cells_of_images(pixels, self.patch)
            loss = (guessed - wanted).abs().mean() - inside_cells(guessed, wanted, _SPREAD)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        self.eval()

    @torch.inference_mode()
    def decode(self, planes_1FGG: Iterator[Tensor]) -> Frames:
        """Return the images behind some planes, one by one: uint8[N, H, W, 3]."""
        self.eval()
        images = [self(planes)[0].permute(1, 2, 0) * _SPREAD + _GREY for planes in planes_1FGG]
        frames: Frames = torch.stack(images).round().clamp(0, 255).to(torch.uint8).numpy()
        return frames


def to_targets(frames_NHW3: Frames) -> Tensor:
    """Return pixels near zero and one, float32[N, 3, H, W]."""
    return (torch.from_numpy(frames_NHW3).permute(0, 3, 1, 2).float() - _GREY) / _SPREAD


def cells_of_images(images_N3HW: Tensor, patch: int) -> Tensor:
    """Return what `pixel_unshuffle` does, a cell's values side by side in memory, by one copy where colours are so."""
    count, colours, height, width = images_N3HW.shape
    rows, columns = height // patch, width // patch
    cut = images_N3HW.permute(0, 2, 3, 1).reshape(count, rows, patch, columns, patch, colours)
    return cut.permute(0, 1, 3, 5, 2, 4).reshape(count, rows, columns, -1).permute(0, 3, 1, 2)


def piece(chance: np.random.Generator, shape: tuple[int, ...], side: int) -> Place:
    """Draw a piece of at most so many cells a side from codes of a shape (N, C, G, G')."""
    rows, columns = (min(side, cells) for cells in shape[2:])
    top, left = int(chance.integers(shape[2] - rows + 1)), int(chance.integers(shape[3] - columns + 1))
    return int(chance.integers(shape[0])), slice(top, top + rows), slice(left, left + columns)


def pixels(frames: Frames, place: Place, patch: int) -> Frames:
    """Return the pixels of a piece, uint8[h, w, 3]."""
    image, rows, columns = place
    return frames[image, rows.start * patch : rows.stop * patch, columns.start * patch : columns.stop * patch]


def _layer(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU(inplace=True)
    )
