"""Leakage as something to learn by: how alike two pictures are inside cells, with gradients."""

import torch
from torch import Tensor
from torch.nn import functional

from raypp.audit.scores import LUMA, TEXTURED


def inside_cells(mine_N3HW: Tensor, true_N3HW: Tensor, cell: int, unit: float) -> Tensor:
    """Mean correlation of luma inside textured cells, as `scores.detail` of all cells together; 0 if there is none.

    Args:
        mine_N3HW: what was rebuilt, float.
        true_N3HW: the pictures, float.
        cell: side of a cell, in pixels.
        unit: grey levels, of 256, that a difference of 1 stands for.
    """
    mine, true = (_centred(one, cell) for one in (mine_N3HW, true_N3HW))
    textured = true.square().mean(1).sqrt() * unit > TEXTURED
    norms = mine.square().sum(1).sqrt() * true.square().sum(1).sqrt()
    found = (mine * true).sum(1) / norms.clamp(min=1e-6)
    return (found * textured).sum() / textured.sum().clamp(min=1)


def _centred(pictures_N3HW: Tensor, cell: int) -> Tensor:
    """Luma of each cell without its mean, float[N, cell**2, G, G']."""
    weights = torch.tensor(LUMA, dtype=pictures_N3HW.dtype)
    cells = functional.pixel_unshuffle((pictures_N3HW * weights[:, None, None]).sum(1, keepdim=True), cell)
    return cells - cells.mean(1, keepdim=True)
