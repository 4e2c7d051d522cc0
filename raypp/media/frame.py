"""One decoded frame, ready to be veiled."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.geometry.window import Window

PADDING = 114
"""Grey of padding and of privacy masks, as YOLO letterboxes."""
MOST_PIXELS = 89_478_485
"""Pixels of one image or frame, as Pillow warns from: a quarter of a gigabyte of RGB."""


@dataclass(frozen=True)
class Frame:
    """A frame's window in memory; never written anywhere plain.

    Attributes:
        pixels: uint8[window height, window width, 3], RGB; masks painted.
        timestamp_us: presentation time since the stream's start, in microseconds.
        frame_index: number of the sampling tick (`--fps`), else the nominal number of the frame.
        source_width, source_height: size before letterboxing, after rotation, in pixels.
    """

    pixels: npt.NDArray[np.uint8]
    timestamp_us: int
    frame_index: int
    source_width: int
    source_height: int

    def fits(self, window: Window) -> bool:
        """Whether a window is that of this frame's size: a stream may change its size midway."""
        return (self.source_width, self.source_height) == (window.source_width, window.source_height)
