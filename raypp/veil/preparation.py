"""Preparation of frames before they are veiled: even light, and less of the sensor's noise."""

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import OptionError

_COARSE = 96
"""Side of the copy in which the background is looked for, in pixels: it is smooth, so a small one will do."""
_SHARE = 0.5
"""Side of the median's window, of the copy's: larger than objects and the gaps between them."""
_PATCH, _SEARCH = 5, 13


class Preparation(BaseModel):
    """Steps that each frame goes through before it is veiled.

    Attributes:
        flatten: whether uneven light is taken out: each pixel over the background, which a large median gives.
        denoise: strength of non-local means, in grey levels; 0 leaves the noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flatten: bool = False
    denoise: Annotated[int, Field(ge=0, le=30)] = 0

    def __bool__(self) -> bool:
        return self.flatten or self.denoise > 0

    def __str__(self) -> str:
        steps = ["flatten"] * self.flatten + [f"denoise {self.denoise}"] * (self.denoise > 0)
        return " and ".join(steps) or "none"

    def check(self) -> None:
        """Raise OptionError if what it needs is not installed."""
        if self:
            _library()

    def apply(self, pixels_HW3: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
        """Prepare a frame.

        Args:
            pixels_HW3: uint8, RGB: a window, whose content lies at the top left.
            width: width of the content, in pixels.
            height: height of the content, in pixels.

        Returns:
            A window of its own; what is not content is as it was.

        Raises:
            OptionError: if OpenCV is not installed.
        """
        content = np.ascontiguousarray(pixels_HW3[:height, :width])
        if self.denoise:
            content = _denoised(content, self.denoise)
        if self.flatten:
            content = _flattened(content)
        out = pixels_HW3.copy()
        out[:height, :width] = content
        return out


def _library() -> Any:
    try:
        import cv2  # noqa: PLC0415 - of the cluster's installation; whoever prepares nothing needs none
    except ImportError:
        raise OptionError("`flatten` and `denoise` need OpenCV; install raypp[cluster]") from None
    return cv2


def _denoised(content_HW3: npt.NDArray[np.uint8], strength: int) -> npt.NDArray[np.uint8]:
    cv2 = _library()
    denoised = cv2.fastNlMeansDenoisingColored(content_HW3, None, strength, strength, _PATCH, _SEARCH)
    return np.asarray(denoised, dtype=np.uint8)


def _flattened(content_HW3: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Divide by the background, and keep its mean level."""
    cv2 = _library()
    height, width = content_HW3.shape[:2]
    share = min(1.0, _COARSE / max(height, width))
    size = max(1, round(share * width)), max(1, round(share * height))
    coarse = cv2.resize(content_HW3, size, interpolation=cv2.INTER_AREA)
    window = max(3, int(_SHARE * max(size)) | 1)
    background = cv2.GaussianBlur(cv2.medianBlur(coarse, window), (0, 0), window / 6)
    ground = cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    level = ground.mean(axis=(0, 1), keepdims=True)
    return np.asarray(np.rint(content_HW3 * (level / np.maximum(ground, 1))).clip(0, 255), dtype=np.uint8)
