"""Augmentation that codes allow: whole cells are moved about, and nothing inside a cell changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from raypp.detect.inputs.batch import DetectionBatch

_LEAST_KEPT = 0.25
"""Share of a box's area that must stay inside for it to stay labelled."""

_Floats: TypeAlias = npt.NDArray[np.float32]
_Numbers: TypeAlias = npt.NDArray[np.int64]


class _Window(NamedTuple):
    """A window of one input, and where it comes to lie in an output before that is shifted; in places of the grid."""

    source: int
    from_row: int
    from_column: int
    top: int
    left: int
    rows: int
    columns: int


class _Output(NamedTuple):
    """An augmented input: the four windows of a mosaic, or one whole input; shifted."""

    windows: tuple[_Window, ...]
    down: int
    right: int


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
        before = batch.inputs.numpy()
        grid = before.shape[-1]
        outputs = [self._draw(index, len(batch), grid, random) for index in range(len(batch))]
        inputs = np.empty_like(before)
        for after, output in zip(inputs, outputs, strict=True):
            _place(after, before, output, batch.filler)
        image_of_M, table_M5 = _boxes(batch, outputs, grid)
        table = torch.from_numpy(table_M5)
        return replace(
            batch,
            inputs=torch.from_numpy(inputs),
            image_of_M=torch.from_numpy(image_of_M),
            class_of_M=table[:, 0],
            boxes_M4=table[:, 1:],
        )

    def _draw(self, index: int, count: int, grid: int, random: np.random.Generator) -> _Output:
        """Draw one output of a batch of `count`: a random corner, and for each quarter a random window of its size.

        What is known to be drawn next is drawn in one call, which gives the same numbers as one call for each.
        """
        cell, cells, most = self.cell, grid // self.cell, int(self.shift * grid) // self.cell
        if random.random() >= self.mosaic:
            down, right = random.integers(-most, most + 1, 2).tolist()
            return _Output((_Window(index, 0, 0, 0, 0, grid, grid),), down * cell, right * cell)
        low, high = cells // 4, cells - cells // 4 + 1
        *others, row, column = random.integers((0, 0, 0, low, low), (count, count, count, high, high)).tolist()
        row, column = row * cell, column * cell
        quarters = (
            (0, 0, row, column), (0, column, row, grid - column),
            (row, 0, grid - row, column), (row, column, grid - row, grid - column),
        )  # fmt: skip
        room = [(grid - length) // cell + 1 for _, _, *size in quarters for length in size]
        *begins, down, right = random.integers((0,) * 8 + (-most, -most), (*room, most + 1, most + 1)).tolist()
        corners = zip(begins[::2], begins[1::2], strict=True)
        windows = tuple(
            _Window(member, from_row * cell, from_column * cell, *quarter)
            for member, (from_row, from_column), quarter in zip((index, *others), corners, quarters, strict=True)
        )
        return _Output(windows, down * cell, right * cell)


def _place(after: npt.NDArray[np.uint8], before: npt.NDArray[np.uint8], output: _Output, filler: int) -> None:
    """Fill an output, uint8[C, G, G], from the batch's inputs, uint8[N, C, G, G]."""
    grid, down, right = after.shape[-1], output.down, output.right
    for source, from_row, from_column, top, left, rows, columns in output.windows:
        # Where the window comes to lie, as far as that is inside; and the first of its places that is.
        first_row, last_row = max(0, top + down), max(0, min(grid, top + down + rows))
        first_column, last_column = max(0, left + right), max(0, min(grid, left + right + columns))
        row, column = from_row + first_row - top - down, from_column + first_column - left - right
        height, width = max(0, last_row - first_row), max(0, last_column - first_column)
        after[:, first_row:last_row, first_column:last_column] = before[
            source, :, row : row + height, column : column + width
        ]
    after[:, slice(down) if down >= 0 else slice(down, None)] = filler
    after[:, :, slice(right) if right >= 0 else slice(right, None)] = filler


def _boxes(batch: DetectionBatch, outputs: Sequence[_Output], grid: int) -> tuple[_Numbers, _Floats]:
    """Move and clip the boxes of all outputs.

    Returns:
        int64[M], the output of each box; and float32[M, 5]: class, centre, width, height.
    """
    windows = np.array([window for output in outputs for window in output.windows], dtype=np.int64)
    windows_of = np.array([len(output.windows) for output in outputs])
    output_of = np.repeat(np.arange(len(outputs)), windows_of)
    box, window = _of_sources(batch.image_of_M.numpy(), windows[:, 0], len(outputs))
    _, from_row, from_column, top, left, rows, columns = windows[window].T
    image = output_of[window]
    table = np.column_stack([batch.class_of_M.numpy(), batch.boxes_M4.numpy()])[box]
    edges = _shares(np.stack([left, top, left + columns, top + rows]), grid)
    moved = _moved(table, _shares(top - from_row, grid), _shares(left - from_column, grid))
    clipped, kept = _clipped(moved, edges)
    whole = windows_of[image] == 1  # what is no mosaic is not clipped before its shift
    table = np.where(whole[:, None], table, clipped)[kept | whole]
    image = image[kept | whole]
    shifts = np.array([(output.down, output.right) for output in outputs], dtype=np.int64)[image].T
    shifted, kept = _clipped(_moved(table, *_shares(shifts, grid)), np.array([0, 0, 1, 1], dtype=np.float32))
    return image[kept], shifted[kept]


def _of_sources(image_of_M: _Numbers, sources: _Numbers, images: int) -> tuple[_Numbers, _Numbers]:
    """Return the boxes of each window's source, window by window in the batch's order: number of box, of window."""
    order = np.argsort(image_of_M, kind="stable")
    counts = np.bincount(image_of_M, minlength=images)
    first = np.cumsum(counts) - counts
    many = counts[sources]
    window = np.repeat(np.arange(len(sources)), many)
    within = np.arange(len(window)) - np.repeat(np.cumsum(many) - many, many)
    return order[first[sources[window]] + within], window


def _shares(places: _Numbers, grid: int) -> _Floats:
    return (places / grid).astype(np.float32)


def _moved(boxes: _Floats, down: _Floats, right: _Floats) -> _Floats:
    moved = boxes.copy()
    moved[:, 1] += right
    moved[:, 2] += down
    return moved


def _clipped(boxes: _Floats, edges: _Floats) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    """Clip boxes to edges (left, top, right, bottom); returns them, and of which enough is left."""
    kinds, x, y, width, height = boxes.T
    left, top, right, bottom = edges
    x1, x2 = (np.clip(x + side * width / 2, left, right) for side in (-1, 1))
    y1, y2 = (np.clip(y + side * height / 2, top, bottom) for side in (-1, 1))
    kept = (x2 - x1) * (y2 - y1) >= _LEAST_KEPT * width * height
    return np.stack([kinds, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], axis=1), kept
