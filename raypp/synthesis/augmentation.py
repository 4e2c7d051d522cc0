"""Augmentation of a generator's frames: moved by whole cells, and some shown values wrong."""

import torch
from torch import Tensor

from raypp.synthesis.batches import FrameTensors
from raypp.synthesis.layout import COORDINATE_PLANES

_REACH = 4
"""Frames are moved by up to this part of their rows and columns either way."""
_MOST_WRONG = 0.1
"""Share of shown values that are replaced, at most: a generator's own first values are not all right either."""


def moved_by_cells(tensors: FrameTensors, levels: int, generator: torch.Generator) -> FrameTensors:
    """Move a batch by whole cells, so that nobody learns by heart what lies where; coordinates stay where they are.

    Args:
        tensors: the batch.
        levels: names of a value, L; L + 1 stands where nothing was moved in.
        generator: chooses how far.
    """
    rows, columns = tensors.codes.shape[-2:]
    down, right = (_draw(side, generator) for side in (rows, columns))
    codes = _shifted(tensors.codes, down, right, levels + 1)
    planes = _shifted(tensors.planes, down, right, 0)
    kept = [tensors.planes.shape[1] + place for place in COORDINATE_PLANES]
    planes[:, kept] = tensors.planes[:, kept]
    return FrameTensors(codes, planes, tensors.sub_key)


def with_errors(codes: Tensor, levels: int, generator: torch.Generator) -> Tensor:
    """Replace some values of each frame by any others; where there is no cell, none."""
    share = torch.rand((len(codes), 1, 1, 1), generator=generator) * _MOST_WRONG
    wrong = (torch.rand(codes.shape, generator=generator) < share) & (codes < levels)
    others = torch.randint(0, levels, codes.shape, generator=generator, dtype=codes.dtype)
    return torch.where(wrong, others, codes)


def _draw(side: int, generator: torch.Generator) -> int:
    reach = side // _REACH
    return int(torch.randint(-reach, reach + 1, (1,), generator=generator))


def _shifted(values: Tensor, down: int, right: int, filler: int) -> Tensor:
    rows, columns = values.shape[-2:]
    out = torch.full_like(values, filler)
    to_rows, to_columns = slice(max(down, 0), rows + min(down, 0)), slice(max(right, 0), columns + min(right, 0))
    from_rows, from_columns = slice(max(-down, 0), rows - max(down, 0)), slice(max(-right, 0), columns - max(right, 0))
    out[..., to_rows, to_columns] = values[..., from_rows, from_columns]
    return out
