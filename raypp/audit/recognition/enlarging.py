"""Images as large as recognisers see them."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Frame: TypeAlias = npt.NDArray[np.uint8]
"""uint8[H, W, 3], RGB."""

_SIDE = 640


def enlarged(frame: Frame) -> Frame:
    """Enlarge a small frame by a whole number, to at most 640 pixels: small things are found only so."""
    times = _SIDE // max(frame.shape[:2])
    if times < 2:
        return np.ascontiguousarray(frame)
    size = (frame.shape[1] * times, frame.shape[0] * times)
    return np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.BICUBIC))
