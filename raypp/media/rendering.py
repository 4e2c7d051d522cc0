"""From a decoded frame to its window: scaled, turned upright, padded, masked."""

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from raypp.geometry.letterbox import Letterbox
from raypp.media.frame import PADDING
from raypp.media.masks import Mask
from raypp.media.orientation import Orientation


class Renderer:
    """Turns decoded frames of one size into windows.

    Args:
        letterbox: where the frame goes; of the source size as shown.
        orientation: how frames are turned and mirrored to be shown.
        mask: privacy mask to paint, or None.
    """

    def __init__(self, letterbox: Letterbox, orientation: Orientation, mask: Mask | None) -> None:
        self.letterbox = letterbox
        self._orientation = orientation
        self._mask = mask
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> npt.NDArray[np.uint8]:
        """Return the frame's window, uint8[window height, window width, 3] RGB."""
        box = self.letterbox
        width, height = self._orientation.shown_size(box.content_width, box.content_height)
        # One thread, as for decoding: workers are processes, and threads of a frame wait for one another.
        image = self._reformatter.reformat(frame, width, height, "rgb24", interpolation="AREA", threads=1)
        scaled = image.to_ndarray().astype(np.uint8, copy=False)
        turned = self._orientation.upright(scaled)
        if turned.shape[:2] == (box.window_height, box.window_width):
            pixels = np.ascontiguousarray(turned)
        else:
            pixels = np.full((box.window_height, box.window_width, 3), PADDING, dtype=np.uint8)
            pixels[: turned.shape[0], : turned.shape[1]] = turned
        if self._mask is not None:
            self._mask.paint(pixels, box.content_width, box.content_height)
        return pixels


class Windows:
    """Renders frames of any size: most streams have one, but an encoder may change it midway.

    Args:
        letterbox: where frames of the usual size go; those of another get one of their own of the same side.
        orientation: how frames are turned and mirrored to be shown.
        mask: privacy mask to paint, or None.
    """

    def __init__(self, letterbox: Letterbox, orientation: Orientation, mask: Mask | None) -> None:
        self._letterbox = letterbox
        self._orientation = orientation
        self._mask = mask
        self._renderers: dict[tuple[int, int], Renderer] = {}

    def of(self, frame: VideoFrame) -> Renderer:
        """Return the renderer of frames of this size."""
        decoded = frame.width, frame.height
        if decoded not in self._renderers:
            shown = self._orientation.shown_size(*decoded)
            box = self._letterbox
            if shown != (box.source_width, box.source_height):
                box = Letterbox(box.size, box.patch, *shown)
            self._renderers[decoded] = Renderer(box, self._orientation, self._mask)
        return self._renderers[decoded]
