"""Image codecs at a given number of bits: the luma of an image, coded by AVIF and JPEG 2000 at several sizes."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image, features

from raypp.audit.core.model import Frames
from raypp.errors import ModelError

_SHARES = (1.0, 0.5, 0.35)
"""Sides of the coded image, as shares of the original's: the fewer bits there are, the smaller the best one."""
_FINEST, _SPEED = 100, 7
_TRIES, _LESS = 8, 0.97
"""How often JPEG 2000 is tried anew, each time with fewer bytes, where it took more than it was given."""


def check_codecs() -> None:
    """Raise ModelError unless Pillow has both codecs, as its wheels do."""
    lacking = [name for name, feature in (("AVIF", "avif"), ("JPEG 2000", "jpg_2000")) if not features.check(feature)]
    if lacking:
        raise ModelError(f"this Pillow was built without {' and '.join(lacking)}; install its wheel")


def shown_in(frame: Frames, bits: float) -> Iterator[Frames]:
    """Yield what codecs show of an image in at most so many bits, uint8[H, W, 3] each; nothing if those are too few.

    Only luma is coded, since leakage is of luma. Containers, such as the boxes of an AVIF file, do not count.

    Args:
        frame: the image, uint8[H, W, 3].
        bits: at most.
    """
    luma, size = Image.fromarray(frame).convert("L"), int(bits // 8)
    for share in _SHARES:
        sides = max(1, round(luma.width * share)), max(1, round(luma.height * share))
        smaller = luma.resize(sides, Image.Resampling.LANCZOS)
        for content in (_avif(smaller, size), _jpeg_2000(smaller, size)):
            if content is not None:
                with Image.open(BytesIO(content)) as shown:
                    grey = shown.convert("L").resize(luma.size, Image.Resampling.BICUBIC)
                yield np.repeat(np.asarray(grey)[:, :, None], 3, axis=2)


def _avif(luma: Image.Image, size: int) -> bytes | None:
    """The finest AVIF file whose coded image is at most so large; None if even the coarsest is larger."""
    least, most, best = 0, _FINEST, None
    while least <= most:
        quality, file = (least + most) // 2, BytesIO()
        luma.save(file, "AVIF", quality=quality, speed=_SPEED, subsampling="4:0:0", max_threads=1)
        content = file.getvalue()
        if len(content) - content.index(b"mdat") - 4 <= size:
            best, least = content, quality + 1
        else:
            most = quality - 1
    return best


def _jpeg_2000(luma: Image.Image, size: int) -> bytes | None:
    """A codestream of JPEG 2000 of at most so many bytes; None if it takes more whatever it is given."""
    resolutions, given = max(1, min(6, min(luma.size).bit_length() - 1)), float(size)
    for _ in range(_TRIES):
        file = BytesIO()
        rate = max(1.0, luma.width * luma.height / max(given, 1))
        luma.save(
            file,
            "JPEG2000",
            no_jp2=True,
            quality_mode="rates",
            quality_layers=[rate],
            irreversible=True,
            num_resolutions=resolutions,
        )
        if len(content := file.getvalue()) <= size:
            return content
        given *= _LESS
    return None
