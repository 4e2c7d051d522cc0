"""Pictures as a detector on plain pictures is fed them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypp.compare.images import Picture, letterboxed, square_boxes
from raypp.detect.inputs.batch import DetectionBatch, labelled_batch
from raypp.media.frame import PADDING


@dataclass(frozen=True)
class PlainFrames:
    """Pictures as a detector on plain pictures is fed them.

    Attributes:
        pictures: the pictures, decoded whenever they are asked for.
        size: side of the letterboxed square, in pixels.
        patch: cell that the window is aligned to, in pixels.
    """

    pictures: Sequence[Picture]
    size: int
    patch: int

    def __len__(self) -> int:
        return len(self.pictures)

    def of_epoch(self, seed: int, epoch: int) -> Sequence[int]:  # noqa: ARG002 - pictures have no variants
        """Return the numbers of the pictures that an epoch trains on: all of them."""
        return range(len(self))

    def batch(self, indices: Sequence[int]) -> DetectionBatch:
        """Return some pictures as a batch, uint8[N, 3, size, size]."""
        inputs = np.full((len(indices), self.size, self.size, 3), PADDING, dtype=np.uint8)
        boxes: list[tuple[float, ...]] = []
        for row, index in enumerate(indices):
            picture = self.pictures[index]
            window, pixels = letterboxed(picture, self.size, self.patch)
            top, left = window.row_offset * self.patch, window.column_offset * self.patch
            inputs[row, top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
            boxes += [(row, *box) for box in square_boxes(picture, window)]
        names = tuple(self.pictures[index].name for index in indices)
        return labelled_batch(np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)), boxes, names, plain=True)
