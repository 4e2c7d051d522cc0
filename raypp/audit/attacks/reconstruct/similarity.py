"""Leakage as something to learn by: how alike two images are inside cells, with gradients."""

import torch
from torch import Tensor
from torch.nn import functional

from raypp.audit.metrics.scores import LUMA, TEXTURED


def inside_cells(mine_NKGG: Tensor, true_NKGG: Tensor, unit: float) -> Tensor:
    """Mean correlation of luma inside textured cells, as `scores.detail` of all cells together; 0 if there is none.

    Args:
        mine_NKGG: what was reconstructed, by cells, float[N, 3 * p*p, G, G'], as `pixel_unshuffle` has images.
        true_NKGG: the images, likewise.
        unit: grey levels, of 256, that a difference of 1 stands for.
    """
    mine, true = (_luma(cells_NKGG) for cells_NKGG in (mine_NKGG, true_NKGG))
    return correlation(mine, true, textured(true, unit))


def correlation(mine_NKGG: Tensor, true_NKGG: Tensor, counted_NGG: Tensor) -> Tensor:
    """Mean correlation of the K values of each cell over the cells that count; 0 if there is none.

    Args:
        mine_NKGG: what was reconstructed, float.
        true_NKGG: the same of the images, float.
        counted_NGG: which cells count, bool.
    """
    mine, true = (cells_NKGG - cells_NKGG.mean(1, keepdim=True) for cells_NKGG in (mine_NKGG, true_NKGG))
    norms = mine.square().sum(1).sqrt() * true.square().sum(1).sqrt()
    likeness = (mine * true).sum(1) / norms.clamp(min=1e-6)
    return (likeness * counted_NGG).sum() / counted_NGG.sum().clamp(min=1)


def textured(cells_NKGG: Tensor, unit: float) -> Tensor:
    """Which cells have texture, bool[N, G, G']; `unit` as in `inside_cells`."""
    away = cells_NKGG - cells_NKGG.mean(1, keepdim=True)
    return away.square().mean(1).sqrt() * unit > TEXTURED  # `std` takes four times as long across channels


def luma_cells(images_N3HW: Tensor, cell: int) -> Tensor:
    """Luma of each cell's pixels, float[N, cell**2, G, G']."""
    weights = torch.tensor(LUMA, dtype=images_N3HW.dtype, device=images_N3HW.device)
    return functional.pixel_unshuffle((images_N3HW * weights[:, None, None]).sum(1, keepdim=True), cell)


def _luma(cells_NKGG: Tensor) -> Tensor:
    """Luma of the pixels of cells whose colours lie one after the other, float[N, p*p, G, G']."""
    colours = cells_NKGG.chunk(len(LUMA), 1)
    return sum((colour * weight for colour, weight in zip(colours[1:], LUMA[1:], strict=True)), colours[0] * LUMA[0])
