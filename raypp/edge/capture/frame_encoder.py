"""From a frame's window to what leaves the camera: a code, or the reason why there is none."""

import numpy as np
import numpy.typing as npt

from raypp.edge.capture.camera_health import CameraHealth
from raypp.edge.capture.job import KEY_REMEDY, Captured, CaptureJob
from raypp.geometry.letterbox import Letterbox
from raypp.media.masks import Mask, load_masks
from raypp.media.obfuscation import Pixels
from raypp.usage.observation import Observation
from raypp.veil.keyfile import load_key
from raypp.veil.packing import pack
from raypp.veil.veil import open_veil


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
        self.mask: Mask | None = None if masks is None else masks.for_camera(job.site, job.camera)
        veil = open_veil(job.spec, load_key(job.key_path, remedy=KEY_REMEDY), job.encoder_path)
        self._encoder = veil.stream(job.site, job.camera)
        self._letterbox: Letterbox | None = None
        self._watch: CameraHealth | None = None
        self._shift_us = 0

    @property
    def sub_key(self) -> int:
        """Public index of the camera's sub-key."""
        return self._encoder.sub_key

    def letterbox(self, width: int, height: int) -> Letterbox:
        """The place of a source's frames in the square."""
        return Letterbox(self._job.size, self._job.spec.patch, width, height)

    def begin(self, letterbox: Letterbox, memory: bytes | None = None) -> None:
        """Begin with a recording or a live camera; the watch begins anew, or with what an earlier one remembered."""
        self._letterbox = letterbox
        if self._job.watch is not None:
            self._watch = CameraHealth(self._job.watch, self._hidden(letterbox), memory)
            self._watch.shift(self._shift_us)
        self._shift_us = 0

    def watch(self, pixels: Pixels, timestamp_us: int) -> Observation:
        """Judge a frame without veiling it: window pixels, uint8[H, W, 3]."""
        box = self._letterbox
        if self._watch is None or box is None:
            return Observation.OBSERVED
        return self._watch.see(pixels[: box.content_height, : box.content_width], timestamp_us)

    def shift(self, by_us: int) -> None:
        """Frames carry times later by so much from now on (negative: earlier), though no time has passed."""
        if self._watch is None:
            self._shift_us += by_us
        else:
            self._watch.shift(by_us)

    def memory(self) -> bytes | None:
        """Return the memory of the camera's health."""
        return None if self._watch is None else self._watch.memory()

    def capture(self, pixels: Pixels, frame_index: int, timestamp_us: int) -> Captured:
        """Judge a frame and veil it: window pixels, uint8[H, W, 3], masks painted."""
        observation = self.watch(pixels, timestamp_us)
        packed = None
        if observation is Observation.OBSERVED:
            packed = pack(self._encoder.encode(pixels[None])[0], self._job.spec.bits)
        return Captured(frame_index, timestamp_us, observation, packed)

    def _hidden(self, letterbox: Letterbox) -> npt.NDArray[np.bool_] | None:
        if self.mask is None:
            return None
        canvas = np.zeros((letterbox.content_height, letterbox.content_width, 3), np.uint8)
        self.mask.paint(canvas, letterbox.content_width, letterbox.content_height)
        hidden: npt.NDArray[np.bool_] = canvas[..., 0] > 0
        return hidden
