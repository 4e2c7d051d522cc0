"""Layouts: where labelled things lie in a frame, as the generator is told and as the label table says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from raypp.geometry.boxes import Box
from raypp.geometry.window import Window

EXTRA_PLANES = 8
"""Planes of a label map beside those of the classes: inside, row, column, and place and size in the topmost box."""
COORDINATE_PLANES = (-7, -6)
"""Which of them, from the end, are row and column."""
_MIRRORED, _RECOMBINED = 0.5, 0.3
_MOVED, _SCALED = 0.5, 0.1
_LEAST_CELLS = 0.5
"""Sides below this many cells draw nothing that a detector could find."""
_MOST_OVERLAP = 0.3

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BoxLayout:
    """Boxes of a frame, and how its frame lies in the square.

    Attributes:
        boxes: fractions of the letterboxed square.
        width, height: of the source's frame, in pixels.
        sub_key: public index of its sub-key.
    """

    boxes: tuple[Box, ...]
    width: int
    height: int
    sub_key: int

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Width, height and sub-key, which layouts share that can exchange boxes."""
        return self.width, self.height, self.sub_key

    def window(self, size: int, patch: int) -> Window:
        """Return the part of the square that holds the frame.

        Args:
            size: side of the square, in pixels.
            patch: side of a cell, in pixels.
        """
        return Window(size, patch, self.width, self.height)


def label_map(layout: BoxLayout, window: Window, classes: int) -> Floats:
    """Draw a layout on the grid of its window.

    Args:
        layout: the boxes.
        window: of the frame.
        classes: number of classes, K.

    Returns:
        float32[K + 8, rows, columns]. For each class the share of a cell that its boxes cover. Then: 1; row and column
        in [-1, 1]; in the smallest box over the cell's middle its place (x, y in [-1, 1]) and size (log of cells), and
        how many boxes lie over it.
    """
    rows, columns = window.rows, window.columns
    planes = np.zeros((classes + EXTRA_PLANES, rows, columns), np.float32)
    inside, row_plane, column_plane, place_x, place_y, width, height, count = planes[classes:]
    row, column = np.arange(rows) + 0.5, np.arange(columns) + 0.5
    inside[:] = 1
    row_plane[:] = (2 * row / rows - 1)[:, None]
    column_plane[:] = (2 * column / columns - 1)[None]
    cells = [(box, *_cells(box, window)) for box in layout.boxes]
    for box, left, top, right, bottom in sorted(cells, key=lambda item: -(item[3] - item[1]) * (item[4] - item[2])):
        across = _covered(left, right, columns)[None] * _covered(top, bottom, rows)[:, None]
        planes[box.class_id] = np.maximum(planes[box.class_id], across)
        over = ((column > left) & (column < right))[None] & ((row > top) & (row < bottom))[:, None]
        count += over
        wide, high = max(right - left, 1e-3), max(bottom - top, 1e-3)
        place_x[over] = np.broadcast_to((2 * (column - left) / wide - 1)[None], over.shape)[over]
        place_y[over] = np.broadcast_to((2 * (row - top) / high - 1)[:, None], over.shape)[over]
        width[over], height[over] = np.log(wide), np.log(high)
    return planes


def draw_layout(layouts: Sequence[BoxLayout], size: int, patch: int, generator: np.random.Generator) -> BoxLayout:
    """Draw a layout like those of real frames: one of them, perhaps mirrored, with boxes of another, and all jittered.

    Args:
        layouts: of real training frames.
        size: side of the square, in pixels.
        patch: side of a cell, in pixels.
        generator: chooses everything.
    """
    first = layouts[int(generator.integers(len(layouts)))]
    boxes = first.boxes
    if generator.random() < _RECOMBINED:
        like = [other for other in layouts if other.shape == first.shape]
        boxes = _recombined(boxes, like[int(generator.integers(len(like)))].boxes, generator)
    if generator.random() < _MIRRORED:
        boxes = tuple(replace(box, x=1 - box.x) for box in boxes)
    window = first.window(size, patch)
    jittered = (_jittered(box, window, generator) for box in boxes)
    return replace(first, boxes=tuple(box for box in jittered if box is not None))


def _recombined(own: Sequence[Box], others: Sequence[Box], generator: np.random.Generator) -> tuple[Box, ...]:
    """About half of some boxes, and those of others that do not lie over them."""
    kept = [box for box in own if generator.random() < 0.5]
    for box in others:
        if all(_overlap(box, other) < _MOST_OVERLAP for other in kept):
            kept.append(box)
    return tuple(kept[: max(len(own), 1)])


def _jittered(box: Box, window: Window, generator: np.random.Generator) -> Box | None:
    """Move a box by up to half a cell, scale it by a tenth, and cut it at the frame; None if too little is left."""
    moved = generator.uniform(-_MOVED, _MOVED, 2) * window.patch / window.size
    wide, high = np.array([box.w, box.h]) * np.exp(generator.uniform(-_SCALED, _SCALED, 2))
    left, right = _cut(box.x + moved[0], wide, window.offset_x, window.content_width, window.size)
    top, bottom = _cut(box.y + moved[1], high, window.offset_y, window.content_height, window.size)
    least = _LEAST_CELLS * window.patch / window.size
    if right - left < least or bottom - top < least:
        return None
    return Box(box.class_id, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _cut(middle: float, length: float, offset: int, content: int, size: int) -> tuple[float, float]:
    low, high = offset / size, (offset + content) / size
    return float(np.clip(middle - length / 2, low, high)), float(np.clip(middle + length / 2, low, high))


def _cells(box: Box, window: Window) -> tuple[float, float, float, float]:
    """Edges of a box in cells of the window: left, top, right, bottom."""
    x, y = box.x * window.grid - window.column_offset, box.y * window.grid - window.row_offset
    wide, high = box.w * window.grid / 2, box.h * window.grid / 2
    return x - wide, y - high, x + wide, y + high


def _covered(low: float, high: float, cells: int) -> Floats:
    """Share of each cell of a line that lies between two places, float32[cells]."""
    edges = np.arange(cells)
    share: Floats = np.clip(np.minimum(edges + 1, high) - np.maximum(edges, low), 0, 1).astype(np.float32)
    return share


def _overlap(first: Box, second: Box) -> float:
    """Share of the smaller box that lies in the other."""
    wide = min(first.x + first.w / 2, second.x + second.w / 2) - max(first.x - first.w / 2, second.x - second.w / 2)
    high = min(first.y + first.h / 2, second.y + second.h / 2) - max(first.y - first.h / 2, second.y - second.h / 2)
    return max(wide, 0.0) * max(high, 0.0) / max(min(first.w * first.h, second.w * second.h), 1e-9)
