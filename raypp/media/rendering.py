"""From a decoded frame to its window: scaled, turned upright, padded, masked."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from raypp.geometry.letterbox import Letterbox
from raypp.geometry.rectangle import Rectangle
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
        pixels = _padded(self._orientation.upright(scaled), box)
        if self._mask is not None:
            self._mask.paint(pixels, box.content_width, box.content_height)
        return pixels


class CropRenderer:
    """Turns decoded frames of one size into windows of parts of them.

    A frame is masked and cut before it is scaled: so nothing outside of a part, and nothing below a mask, enters its
    window.

    Args:
        crops: the parts, each with where it goes: a letterbox of the part's size as shown.
        orientation: how frames are turned and mirrored to be shown.
        mask: privacy mask of the whole frame to paint, or None.
    """

    def __init__(
        self, crops: Sequence[tuple[Rectangle, Letterbox]], orientation: Orientation, mask: Mask | None
    ) -> None:
        self._crops = crops
        self._orientation = orientation
        self._mask = mask
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> list[npt.NDArray[np.uint8]]:
        """Return the window of each part, uint8[window height, window width, 3] RGB."""
        plain = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray().astype(np.uint8, copy=False)
        whole = np.ascontiguousarray(self._orientation.upright(plain))
        height, width = whole.shape[:2]
        if self._mask is not None:
            self._mask.paint(whole, width, height)
        return [_padded(self._scaled(_cut(whole, *crop.pixels(width, height)), box), box) for crop, box in self._crops]

    def _scaled(self, part: npt.NDArray[np.uint8], box: Letterbox) -> npt.NDArray[np.uint8]:
        if part.shape[:2] == (box.content_height, box.content_width):
            return part
        image = self._reformatter.reformat(
            VideoFrame.from_ndarray(part, format="rgb24"),
            box.content_width,
            box.content_height,
            "rgb24",
            interpolation="AREA",
            threads=1,
        )
        return image.to_ndarray().astype(np.uint8, copy=False)


def _cut(whole: npt.NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(whole[top:bottom, left:right])


def _padded(content: npt.NDArray[np.uint8], box: Letterbox) -> npt.NDArray[np.uint8]:
    """Put content into a window of its own memory, padded at right and bottom."""
    if content.shape[:2] == (box.window_height, box.window_width):
        return np.ascontiguousarray(content)
    pixels = np.full((box.window_height, box.window_width, 3), PADDING, dtype=np.uint8)
    pixels[: content.shape[0], : content.shape[1]] = content
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
