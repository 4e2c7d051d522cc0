"""From a decoded frame to what leaves the camera: a code for each view, or the reason why there is none."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from raypp.edge.capture.camera_health import CameraHealth
from raypp.edge.capture.job import KEY_REMEDY, Captured, CaptureJob, SourceShape
from raypp.geometry.letterbox import Letterbox
from raypp.media.camera_views import View
from raypp.media.masks import Mask, load_masks
from raypp.media.obfuscation import Pixels
from raypp.media.orientation import Orientation
from raypp.media.rendering import CropRenderer, Renderer
from raypp.usage.observation import Observation
from raypp.veil.keyfile import load_key
from raypp.veil.packing import pack
from raypp.veil.veil import open_veil


@dataclass(frozen=True)
class DecodedFrame:
    """One frame in memory, ready to be veiled as each view; never written anywhere plain.

    Attributes:
        whole: the whole frame's window, uint8[H, W, 3], masks painted; None where neither view nor watch needs it.
        parts: windows of the views that are parts, in order.
        timestamp_us: presentation time, in microseconds.
        frame_index: its number.
        width, height: of the source's frame as shown, in pixels.
    """

    whole: Pixels | None
    parts: tuple[Pixels, ...]
    timestamp_us: int
    frame_index: int
    width: int
    height: int


class FrameEncoder:
    """Holds what one camera's frames are made into codes with: key, masks, and the watch of the camera's health.

    Args:
        job: what is captured.

    Raises:
        RayppError: if the key or the masks cannot be used.
    """

    def __init__(self, job: CaptureJob) -> None:
        self._job = job
        masks = None if job.masks_path is None else load_masks(job.masks_path)
        self._mask: Mask | None = None if masks is None else masks.for_camera(job.site, job.camera)
        veil = open_veil(job.spec, load_key(job.key_path, remedy=KEY_REMEDY), job.encoder_path)
        self._encoders = [veil.stream(job.site, view.camera) for view in job.views]
        self._rectangles = [view.rectangle for view in job.parts if view.rectangle is not None]
        self._renderers: dict[tuple[int, int, Orientation], tuple[Renderer | None, CropRenderer | None]] = {}
        self._size: tuple[int, int] = (0, 0)
        self._watch: CameraHealth | None = None
        self._shift_us = 0

    def shapes(self, width: int, height: int) -> list[SourceShape]:
        """Return the shape of each view in frames of this size; raises MediaError if a part has too few pixels."""
        shapes = []
        for number, (view, encoder) in enumerate(zip(self._job.views, self._encoders, strict=True)):
            shape = View(view.camera, rectangle=view.rectangle).shape(width, height)
            shapes.append(SourceShape(*shape, encoder.sub_key, view=number))
        return shapes

    def begin(self, width: int, height: int, memory: bytes | None = None) -> None:
        """Begin with a recording or a live camera; the watch begins anew, or with what an earlier one remembered."""
        self._size = width, height
        if self._job.watch is not None:
            self._watch = CameraHealth(self._job.watch, self._hidden(self._letterbox(width, height)), memory)
            self._watch.shift(self._shift_us)
        self._shift_us = 0

    def fits(self, frame: DecodedFrame) -> bool:
        """Whether a frame is of the size begun with."""
        return (frame.width, frame.height) == self._size

    def see(
        self, frame: VideoFrame, orientation: Orientation, timestamp_us: int = 0, frame_index: int = 0
    ) -> DecodedFrame:
        """Make the windows of a decoded frame."""
        width, height = orientation.shown_size(frame.width, frame.height)
        place = width, height, orientation
        if place not in self._renderers:
            self._renderers[place] = (
                self._renderer(width, height, orientation),
                self._cutter(width, height, orientation),
            )
        render, cut = self._renderers[place]
        whole = render(frame) if render else None
        return DecodedFrame(whole, tuple(cut(frame)) if cut else (), timestamp_us, frame_index, width, height)

    def watch(self, frame: DecodedFrame, timestamp_us: int) -> Observation:
        """Judge a frame, before it is veiled."""
        if self._watch is None or frame.whole is None:
            return Observation.OBSERVED
        box = self._letterbox(*self._size)
        return self._watch.see(frame.whole[: box.content_height, : box.content_width], timestamp_us)

    def shift(self, by_us: int) -> None:
        """Frames carry times later by so much from now on (negative: earlier), though no time has passed."""
        if self._watch is None:
            self._shift_us += by_us
        else:
            self._watch.shift(by_us)

    def memory(self) -> bytes | None:
        """Return the memory of the camera's health."""
        return None if self._watch is None else self._watch.memory()

    def capture(
        self, view: int, frame: DecodedFrame, observation: Observation, frame_index: int, timestamp_us: int
    ) -> Captured:
        """Veil a frame that was judged, as one view."""
        packed = None
        if observation is Observation.OBSERVED:
            windows = (frame.whole, *frame.parts) if self._job.whole else frame.parts
            pixels = windows[view]
            assert pixels is not None  # noqa: S101 - made where a view needs it
            packed = pack(self._encoders[view].encode(pixels[None])[0], self._job.spec.bits)
        return Captured(frame_index, timestamp_us, observation, packed)

    def _letterbox(self, width: int, height: int) -> Letterbox:
        return Letterbox(self._job.size, self._job.spec.patch, width, height)

    def _renderer(self, width: int, height: int, orientation: Orientation) -> Renderer | None:
        if not self._job.whole and self._job.watch is None:
            return None
        return Renderer(self._letterbox(width, height), orientation, self._mask)

    def _cutter(self, width: int, height: int, orientation: Orientation) -> CropRenderer | None:
        if not self._rectangles:
            return None
        crops = [(part, self._letterbox(*part.shape(width, height))) for part in self._rectangles]
        return CropRenderer(crops, orientation, self._mask)

    def _hidden(self, letterbox: Letterbox) -> npt.NDArray[np.bool_] | None:
        if self._mask is None:
            return None
        canvas = np.zeros((letterbox.content_height, letterbox.content_width, 3), np.uint8)
        self._mask.paint(canvas, letterbox.content_width, letterbox.content_height)
        hidden: npt.NDArray[np.bool_] = canvas[..., 0] > 0
        return hidden
