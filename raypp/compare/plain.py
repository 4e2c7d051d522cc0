"""Images as a detector on plain images is fed them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypp.compare.images import LabelledImage, letterboxed, square_boxes
from raypp.detect.inputs.batch import DetectionBatch, labelled_batch
from raypp.media.frame import PADDING


@dataclass(frozen=True)
class PlainFrames:
    """Images as a detector on plain images is fed them.

    Attributes:
        images: the images, decoded whenever they are asked for.
        size: side of the letterboxed square, in pixels.
        patch: cell that the window is aligned to, in pixels.
    """

    images: Sequence[LabelledImage]
    size: int
    patch: int

    def __len__(self) -> int:
        return len(self.images)

    def of_epoch(self, seed: int, epoch: int) -> Sequence[int]:  # noqa: ARG002 - images have no variants
        """Return the numbers of the images that an epoch trains on: all of them."""
        return range(len(self))

    def batch(self, indices: Sequence[int]) -> DetectionBatch:
        """Return some images as a batch, uint8[N, 3, size, size]."""
        inputs = np.full((len(indices), self.size, self.size, 3), PADDING, dtype=np.uint8)
        boxes: list[tuple[float, ...]] = []
        for row, index in enumerate(indices):
            image = self.images[index]
            window, pixels = letterboxed(image, self.size, self.patch)
            top, left = window.row_offset * self.patch, window.column_offset * self.patch
            inputs[row, top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
            boxes += [(row, *box) for box in square_boxes(image, window)]
        names = tuple(self.images[index].name for index in indices)
        return labelled_batch(np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)), boxes, names, plain=True)
