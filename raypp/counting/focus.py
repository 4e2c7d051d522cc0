"""Whether a field can be counted at all: a blurred or an empty one looks like one without objects."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

_SIDE = 512
_SMOOTH, _WIDE = 1.0, 12.0
_TOP = 99.0
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_NOISE_GAIN = 6.0
_SIGMA_OF_MEAN = np.sqrt(np.pi / 2)
_LEAST_NOISE = 0.25


@dataclass(frozen=True)
class Focus:
    """Contrast and sharpness of a field.

    Attributes:
        contrast: how far its details stand out from the noise.
        sharpness: how steep its steepest edges are, for their height; the inverse of a length in pixels.
    """

    contrast: float
    sharpness: float


def measure_focus(pixels_HW3: npt.NDArray[np.uint8]) -> Focus:
    """Measure the focus of an image, or of the part of one that has the size that a detector learned.

    Args:
        pixels_HW3: uint8, RGB.
    """
    height, width = pixels_HW3.shape[:2]
    grey = cv2.cvtColor(pixels_HW3, cv2.COLOR_RGB2GRAY).astype(np.float32)
    share = _SIDE / max(height, width)
    if share < 1:
        size = max(1, round(share * width)), max(1, round(share * height))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), _SMOOTH)
    # By Immerkaer: the difference of two Laplacians, of which structure has little.
    noise = _SIGMA_OF_MEAN * float(np.abs(cv2.filter2D(grey, cv2.CV_32F, _NOISE)).mean()) / _NOISE_GAIN
    detail = smooth - cv2.GaussianBlur(smooth, (0, 0), _WIDE)
    height_of_edges = float(np.percentile(np.abs(detail), _TOP))
    slopes = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) / 8
    steepest = float(np.percentile(slopes, _TOP))
    return Focus(height_of_edges / max(noise, _LEAST_NOISE), steepest / max(height_of_edges, _LEAST_NOISE))
