"""Leakage as something to learn by: how alike two images are inside cells, with gradients."""

import torch
from torch import Tensor
from torch.nn import functional

from raypp.audit.metrics.scores import LUMA, TEXTURED


def inside_cells(mine_N3HW: Tensor, true_N3HW: Tensor, cell: int, unit: float) -> Tensor:
    """Mean correlation of luma inside textured cells, as `scores.detail` of all cells together; 0 if there is none.

    Args:
        mine_N3HW: what was reconstructed, float.
        true_N3HW: the images, float.
        cell: side of a cell, in pixels.
        unit: grey levels, of 256, that a difference of 1 stands for.
    """
    mine, true = (luma_cells(frames_N3HW, cell) for frames_N3HW in (mine_N3HW, true_N3HW))
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
    return cells_NKGG.std(1, correction=0) * unit > TEXTURED


def luma_cells(images_N3HW: Tensor, cell: int) -> Tensor:
    """Luma of each cell's pixels, float[N, cell**2, G, G']."""
    weights = torch.tensor(LUMA, dtype=images_N3HW.dtype, device=images_N3HW.device)
    return functional.pixel_unshuffle((images_N3HW * weights[:, None, None]).sum(1, keepdim=True), cell)
