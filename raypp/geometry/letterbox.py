"""Letterboxing: boxes of a source's frame into the square a detector sees, and back."""

from dataclasses import dataclass

import numpy as np

from raypp.geometry.boxes import Corners
from raypp.geometry.window import Window


@dataclass(frozen=True)
class Letterbox(Window):
    """The window of a source, with the exact mapping of boxes there and back."""

    def to_letterbox(self, boxes: Corners) -> Corners:
        """Map float[N, 4] corners (x1, y1, x2, y2) in source pixels to pixels of the square."""
        return np.asarray(boxes, dtype=np.float64) * self._scale() + self._offset()

    def to_source(self, boxes: Corners) -> Corners:
        """Map float[N, 4] corners in pixels of the square to source pixels; undoes `to_letterbox`."""
        return (np.asarray(boxes, dtype=np.float64) - self._offset()) / self._scale()

    def normalised_to_square(self, boxes: Corners) -> Corners:
        """Map float[N, 4] centres and sizes (x, y, w, h), fractions of the source, to fractions of the square."""
        centred = np.asarray(boxes, dtype=np.float64) * np.array([self.source_width, self.source_height] * 2)
        corners = np.concatenate([centred[:, :2] - centred[:, 2:] / 2, centred[:, :2] + centred[:, 2:] / 2], axis=1)
        moved = self.to_letterbox(corners) / self.size
        return np.concatenate([(moved[:, :2] + moved[:, 2:]) / 2, moved[:, 2:] - moved[:, :2]], axis=1)

    def _scale(self) -> Corners:
        x, y = self.content_width / self.source_width, self.content_height / self.source_height
        return np.array([x, y, x, y])

    def _offset(self) -> Corners:
        return np.array([self.offset_x, self.offset_y, self.offset_x, self.offset_y], dtype=np.float64)
