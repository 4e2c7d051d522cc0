"""From a decoded frame to a frame of each view of it, from one decoding."""

from collections.abc import Sequence

from av.video.frame import VideoFrame

from raypp.geometry.letterbox import Letterbox
from raypp.media.camera_views import View
from raypp.media.frame import Frame
from raypp.media.masks import Mask
from raypp.media.orientation import Orientation
from raypp.media.rendering import CropRenderer, Renderer

_Drawn = tuple[Renderer | None, CropRenderer | None, tuple[tuple[int, int], ...]]


class ViewRenderer:
    """Turns decoded frames of any size into frames of views, whose windows are those that the live agent veils.

    Args:
        views: the whole of a frame, and parts.
        size: side of the letterboxed square, in pixels.
        patch: side of a cell, in pixels.
        orientation: how frames are turned and mirrored to be shown.
        mask: privacy mask of the whole frame to paint, or None.
    """

    def __init__(
        self, views: Sequence[View], size: int, patch: int, orientation: Orientation, mask: Mask | None
    ) -> None:
        self._views = views
        self._size, self._patch = size, patch
        self._orientation = orientation
        self._mask = mask
        self._drawn: dict[tuple[int, int], _Drawn] = {}

    def __call__(self, frame: VideoFrame, timestamp_us: int, index: int) -> tuple[Frame, ...]:
        """Return a frame of each view, in their order; raises MediaError if a part has too few pixels."""
        decoded = frame.width, frame.height
        if decoded not in self._drawn:
            self._drawn[decoded] = self._of_size(*self._orientation.shown_size(*decoded))
        whole, crop, shapes = self._drawn[decoded]
        parts = iter(crop(frame) if crop else ())
        return tuple(
            Frame(next(parts) if view.rectangle or whole is None else whole(frame), timestamp_us, index, *shape)
            for view, shape in zip(self._views, shapes, strict=True)
        )

    def _of_size(self, width: int, height: int) -> _Drawn:
        shapes = tuple(view.shape(width, height) for view in self._views)
        boxes = [Letterbox(self._size, self._patch, *shape) for shape in shapes]
        crops, whole = [], None
        for view, box in zip(self._views, boxes, strict=True):
            if view.rectangle is not None:
                crops.append((view.rectangle, box))
            else:
                whole = Renderer(box, self._orientation, self._mask)
        crop = CropRenderer(crops, self._orientation, self._mask) if crops else None
        return whole, crop, shapes
