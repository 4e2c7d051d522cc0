"""Augmentation that codes allow: whole cells are moved about, and nothing inside a cell changes."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from raypp.detect.inputs.batch import DetectionBatch

_LEAST_KEPT = 0.25
"""Share of a box's area that must stay inside for it to stay labelled."""


@dataclass(frozen=True)
class CellAugmentation:
    """How a batch is augmented.

    Attributes:
        mosaic: probability that an input becomes a mosaic of itself and three others of its batch.
        shift: largest shift of an input, as a fraction of the grid.
        cell: smallest move, in places of the input: 1 for codes, a cell's side for plain images.
    """

    mosaic: float = 1.0
    shift: float = 0.1
    cell: int = 1

    def __call__(self, batch: DetectionBatch, random: np.random.Generator) -> DetectionBatch:
        """Return the augmented batch; a pure function of batch and generator state."""
        outputs, tables = [], []
        for index in range(len(batch)):
            if random.random() < self.mosaic:
                others = random.integers(0, len(batch), 3)
                codes, boxes = _mosaic(batch, (index, *others.tolist()), self.cell, random)
            else:
                codes, boxes = batch.inputs[index], _boxes(batch, index)
            codes, boxes = _shift(codes, boxes, (self.shift, self.cell), batch.filler, random)
            outputs.append(codes)
            tables.append(torch.cat([torch.full((len(boxes), 1), float(index)), boxes], dim=1))
        table = torch.cat(tables)
        return replace(
            batch,
            inputs=torch.stack(outputs),
            image_of_M=table[:, 0].long(),
            class_of_M=table[:, 1],
            boxes_M4=table[:, 2:],
        )


def _boxes(batch: DetectionBatch, index: int) -> Tensor:
    """Boxes of one input, float[m, 5]: class, centre, width, height."""
    mine = batch.image_of_M == index
    return torch.cat([batch.class_of_M[mine, None], batch.boxes_M4[mine]], dim=1)


def _mosaic(
    batch: DetectionBatch, members: tuple[int, ...], cell: int, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Four inputs around a random corner; of each, a random window of the size of its quarter."""
    grid = batch.inputs.shape[-1]
    cells = grid // cell
    row, column = (int(at) * cell for at in random.integers(cells // 4, cells - cells // 4 + 1, 2))
    out = torch.empty_like(batch.inputs[members[0]])
    boxes = []
    quarters = (
        (0, 0, row, column), (0, column, row, grid - column),
        (row, 0, grid - row, column), (row, column, grid - row, grid - column),
    )  # fmt: skip
    for member, (top, left, rows, columns) in zip(members, quarters, strict=True):
        from_row, from_column = (
            int(random.integers(0, (grid - length) // cell + 1)) * cell for length in (rows, columns)
        )
        window = batch.inputs[member][:, from_row : from_row + rows, from_column : from_column + columns]
        out[:, top : top + rows, left : left + columns] = window
        moved = _moved(_boxes(batch, member), (top - from_row) / grid, (left - from_column) / grid)
        boxes.append(_clipped(moved, (left, top, left + columns, top + rows), grid))
    return out, torch.cat(boxes)


def _shift(
    codes: Tensor, boxes: Tensor, most: tuple[float, int], filler: int, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    grid = codes.shape[-1]
    share, cell = most
    cells = int(share * grid) // cell
    down, right = (int(by) * cell for by in random.integers(-cells, cells + 1, 2))
    out = torch.full_like(codes, filler)
    into = out[:, max(down, 0) : grid + min(down, 0), max(right, 0) : grid + min(right, 0)]
    into.copy_(codes[:, max(-down, 0) : grid + min(-down, 0), max(-right, 0) : grid + min(-right, 0)])
    moved = _moved(boxes, down / grid, right / grid)
    return out, _clipped(moved, (0, 0, grid, grid), grid)


def _moved(boxes: Tensor, down: float, right: float) -> Tensor:
    moved = boxes.clone()
    moved[:, 1] += right
    moved[:, 2] += down
    return moved


def _clipped(boxes: Tensor, window: tuple[int, int, int, int], grid: int) -> Tensor:
    """Clip boxes to a window given in cells (left, top, right, bottom); drop those of which too little is left."""
    left, top, right, bottom = (edge / grid for edge in window)
    x1, x2 = ((boxes[:, 1] + side * boxes[:, 3] / 2).clamp(left, right) for side in (-1, 1))
    y1, y2 = ((boxes[:, 2] + side * boxes[:, 4] / 2).clamp(top, bottom) for side in (-1, 1))
    kept = (x2 - x1) * (y2 - y1) >= _LEAST_KEPT * boxes[:, 3] * boxes[:, 4]
    clipped = torch.stack([boxes[:, 0], (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=1)
    return clipped[kept]
