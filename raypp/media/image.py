"""Still pictures: decoding with orientation, letterboxed to the window."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from raypp.errors import MediaError
from raypp.media.files import SourceStream
from raypp.media.frame import PADDING, Frame
from raypp.media.geometry import Letterbox
from raypp.media.masks import Mask

_ORIENTATION_TAG = 0x0112
_TAKEN_TAGS = (0x9003, 0x0132)  # DateTimeOriginal, DateTime
_EXIF_FOLDER = 0x8769
_MOST_PIXELS = 89_478_485  # as Pillow warns from: a quarter of a gigabyte of RGB
_TOO_LARGE = f"has more than {_MOST_PIXELS:,} pixels; scale it down first"

# What Pillow has to say of odd metadata and of size; whatever matters is raised as an error below.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decode_image(source: SourceStream, size: int, patch: int, mask: Mask | None) -> Frame:
    """Decode a picture upright, scaled with antialiasing into its window.

    Args:
        source: the opened file.
        size: side of the letterboxed square, in pixels.
        patch: side of a cell, in pixels.
        mask: privacy mask to paint, or None.

    Raises:
        MediaError: if it cannot be decoded; the text says why.
    """
    with _opened(source) as image:
        upright = _rgb(ImageOps.exif_transpose(image))
        box = Letterbox(size, patch, upright.width, upright.height)
        scaled = upright.resize((box.content_width, box.content_height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        pixels = np.full((box.window_height, box.window_width, 3), PADDING, dtype=np.uint8)
        pixels[: box.content_height, : box.content_width] = np.asarray(scaled)
        if mask is not None:
            mask.paint(pixels, box.content_width, box.content_height)
        return Frame(pixels, 0, 0, upright.width, upright.height)


def probe_image(source: SourceStream) -> tuple[int, int]:
    """Return width and height of a picture as shown, in pixels; raises MediaError if it is none."""
    with _opened(source) as image:
        turned = image.getexif().get(_ORIENTATION_TAG, 1) >= 5
        return (image.height, image.width) if turned else (image.width, image.height)


def taken_at(source: SourceStream) -> str | None:
    """Return when a picture says it was taken, as EXIF writes it (YYYY:MM:DD HH:MM:SS), or None."""
    with _opened(source) as image:
        exif = image.getexif()
        for tags in (exif.get_ifd(_EXIF_FOLDER), exif):
            for tag in _TAKEN_TAGS:
                if tags.get(tag):
                    return str(tags[tag])
    return None


@contextmanager
def _opened(source: SourceStream) -> Iterator[Image.Image]:
    source.seek(0)
    if source.size == 0:
        raise MediaError("the file is empty; copy it again or remove it")
    try:
        with Image.open(cast("IO[bytes]", source)) as image:
            _check_size(image)
            yield image
    except Image.DecompressionBombError:
        raise MediaError(_TOO_LARGE) from None
    except UnidentifiedImageError:
        raise MediaError("is no picture that can be read: truncated, or not what its name says") from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise MediaError(f"cannot be decoded ({said}); the file is damaged") from None


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > _MOST_PIXELS:
        raise MediaError(_TOO_LARGE)


def _rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB: transparency on padding grey, 16-bit grey by its upper byte."""
    if image.mode.startswith("I"):
        upper = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(upper).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, (PADDING, PADDING, PADDING, 255))
        return Image.alpha_composite(ground, layered).convert("RGB")
    return image.convert("RGB")
