"""Plain frames as JPEG, for the owner's pages: in memory, and never on a disk."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

_QUALITY = 92


def jpeg(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return uint8[H, W, 3] pixels, RGB, as JPEG of full colour."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()
