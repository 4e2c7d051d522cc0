"""A rectangle of a frame, in fractions of it, and its whole pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rectangle:
    """A part of a frame.

    Attributes:
        left, top, right, bottom: edges as fractions of the frame's width and height, in [0, 1].
    """

    left: float
    top: float
    right: float
    bottom: float

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return its left, top, right and bottom edge in a frame of this size, each at the nearest whole pixel."""
        across = (_nearest(self.left * width), _nearest(self.right * width))
        along = (_nearest(self.top * height), _nearest(self.bottom * height))
        return across[0], along[0], across[1], along[1]

    def shape(self, width: int, height: int) -> tuple[int, int]:
        """Return its width and height in a frame of this size, in pixels."""
        left, top, right, bottom = self.pixels(width, height)
        return right - left, bottom - top


def _nearest(length: float) -> int:
    return int(length + 0.5)
