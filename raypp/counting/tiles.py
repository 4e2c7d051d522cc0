"""Tiles of a large image: they overlap, and each box belongs to the tile that holds its middle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from raypp.counting.counted_object import DetectedBox
from raypp.geometry.boxes import Edges, box_iou, centre

SLACK = 1.25
"""An image that is larger by no more than this is not cut."""
_LEAST_OVERLAP = 0.15
_MOST_OVERLAP = 0.45
_SAME_OBJECT = 0.5


@dataclass(frozen=True)
class ImageTile:
    """A part of an image.

    Attributes:
        left, top, right, bottom: what is detected on, in pixels.
        own: edges within which a box's middle must lie for the box to be the tile's, in pixels.
    """

    left: int
    top: int
    right: int
    bottom: int
    own: Edges

    def owns(self, edges: Edges) -> bool:
        """Whether a box on the image is this tile's, by its middle."""
        x, y = centre(edges)
        left, top, right, bottom = self.own
        return left <= x < right and top <= y < bottom


def plan_tiles(width: int, height: int, side: int, largest: float) -> tuple[ImageTile, ...]:
    """Cut an image into tiles whose own parts cover it without overlap.

    Args:
        width: of the image, in pixels.
        height: of the image, in pixels.
        side: longest side of a tile, in pixels; an image that is little larger stays whole.
        largest: longest side of an object, in pixels: tiles overlap by as much.
    """
    if max(width, height) <= SLACK * side:
        return (ImageTile(0, 0, width, height, (0.0, 0.0, float(width), float(height))),)
    overlap = int(side * min(max(largest / side, _LEAST_OVERLAP), _MOST_OVERLAP))
    across, along = (_spans(length, side, overlap) for length in (width, height))
    return tuple(
        ImageTile(left, top, right, bottom, (own_left, own_top, own_right, own_bottom))
        for top, bottom, own_top, own_bottom in along
        for left, right, own_left, own_right in across
    )


def _spans(length: int, side: int, overlap: int) -> list[tuple[int, int, float, float]]:
    """First and last pixel of each stretch, and where what is its own begins and ends: amid the overlaps."""
    if length <= side:
        return [(0, length, 0.0, float(length))]
    count = -(-(length - overlap) // (side - overlap))
    starts = [round(number * (length - side) / (count - 1)) for number in range(count)]
    seams = [(before + side + after) / 2 for before, after in pairwise(starts)]
    edges = [0.0, *seams, float(length)]
    return [(start, start + side, edges[number], edges[number + 1]) for number, start in enumerate(starts)]


def join_tiles(boxes: Iterable[tuple[ImageTile, Sequence[DetectedBox]]]) -> list[DetectedBox]:
    """Join boxes of tiles, in pixels of the image; of two on one object at a seam, the more confident one stays.

    Args:
        boxes: each tile with what was detected on it.
    """
    own = [(number, box) for number, (tile, seen) in enumerate(boxes) for box in seen if tile.owns(box.edges)]
    own.sort(key=lambda entry: -entry[1].confidence)
    if len({number for number, _ in own}) < 2:
        return [box for _, box in own]
    overlaps = box_iou(*(np.array([box.edges for _, box in own]),) * 2)
    kept: list[int] = []
    for at, (number, box) in enumerate(own):
        if not any(
            own[other][0] != number and own[other][1].class_id == box.class_id and overlaps[at, other] > _SAME_OBJECT
            for other in kept
        ):
            kept.append(at)
    return [own[at][1] for at in kept]
