"""Still images: decoding with orientation, letterboxed to the window."""

import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from raypp.errors import MediaError
from raypp.geometry.letterbox import Letterbox
from raypp.geometry.rectangle import Rectangle
from raypp.media.camera_views import View
from raypp.media.files import SourceStream
from raypp.media.frame import MOST_PIXELS, PADDING, Frame
from raypp.media.masks import Mask

_ORIENTATION_TAG = 0x0112
_TAKEN_TAGS = ((0x9003, 0x9011), (0x0132, 0x9010))  # DateTimeOriginal, DateTime, each with its offset from UTC
_OFFSET = re.compile(r"[+-]\d{2}:\d{2}")
_EXIF_FOLDER = 0x8769
_TIFF = "TIFF"
_MORE_IMAGES = frozenset([_TIFF, "PNG", "WEBP", "AVIF"])  # a JPEG's further images are views of the first
_SUBFILE_TAG = 0x00FE
_REDUCED_OR_MASK = 0b101
_WORD, _LEAST_BITS = 16, 8
_TOO_LARGE = f"has more than {MOST_PIXELS:,} pixels; scale it down first"

# What Pillow has to say of odd metadata and of size; whatever matters is raised as an error below.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decode_image(source: SourceStream, size: int, patch: int, mask: Mask | None) -> Frame:
    """Decode an image upright, scaled with antialiasing into its window.

    Args:
        source: the opened file.
        size: side of the letterboxed square, in pixels.
        patch: side of a cell, in pixels.
        mask: privacy mask to paint, or None.

    Raises:
        MediaError: if it cannot be decoded; the text says why.
    """
    return decode_views(source, (View(""),), size, patch, mask)[0]


def decode_views(
    source: SourceStream, views: Sequence[View], size: int, patch: int, mask: Mask | None
) -> tuple[Frame, ...]:
    """Decode an image once, upright, and scale it with antialiasing into a window for each view.

    A part is masked and cut before it is scaled: so nothing outside of it, and nothing below a mask, enters its window.

    Args:
        source: the opened file.
        views: the whole of it, and parts.
        size: side of the letterboxed square, in pixels.
        patch: side of a cell, in pixels.
        mask: privacy mask of the whole image to paint, or None.

    Raises:
        MediaError: if it cannot be decoded, or a part has too few pixels; the text says why.
    """
    _check_alone(source)
    with _opened(source) as image:
        upright = _rgb(ImageOps.exif_transpose(image))
        shapes = [view.shape(upright.width, upright.height) for view in views]
        boxes = [Letterbox(size, patch, *shape) for shape in shapes]
        parts = _painted(upright, mask) if any(view.rectangle for view in views) else upright
        return tuple(
            _part_frame(parts, view.rectangle, box) if view.rectangle else _whole_frame(upright, box, mask)
            for view, box in zip(views, boxes, strict=True)
        )


def _painted(upright: Image.Image, mask: Mask | None) -> Image.Image:
    if mask is None:
        return upright
    pixels = np.array(upright)
    mask.paint(pixels, upright.width, upright.height)
    return Image.fromarray(pixels)


def _whole_frame(upright: Image.Image, box: Letterbox, mask: Mask | None) -> Frame:
    pixels = _windowed(upright, box)
    if mask is not None:
        mask.paint(pixels, box.content_width, box.content_height)
    return Frame(pixels, 0, 0, upright.width, upright.height)


def _part_frame(painted: Image.Image, part: Rectangle, box: Letterbox) -> Frame:
    cut = painted.crop(part.pixels(painted.width, painted.height))
    return Frame(_windowed(cut, box), 0, 0, cut.width, cut.height)


def _windowed(content: Image.Image, box: Letterbox) -> npt.NDArray[np.uint8]:
    scaled = content.resize((box.content_width, box.content_height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.full((box.window_height, box.window_width, 3), PADDING, dtype=np.uint8)
    pixels[: box.content_height, : box.content_width] = np.asarray(scaled)
    return pixels


def decode_pixels(source: SourceStream, page: int | None = None, bits: int | None = None) -> npt.NDArray[np.uint8]:
    """Decode an image upright, at its whole size.

    Args:
        source: the opened file.
        page: which page of a TIFF, from 1; None for the only one.
        bits: bits that a 16-bit image uses, 8 to 16; None for all of them.

    Returns:
        uint8[H, W, 3], RGB.

    Raises:
        MediaError: if it cannot be decoded, has other pages than the one asked for, or is dark for its bits.
    """
    if page is None:
        _check_alone(source)
    with _opened(source) as image:
        pages = getattr(image, "n_frames", 1)
        if page is not None and not 1 <= page <= pages:
            raise MediaError(f"has no page {page}, it has {pages}; choose another `page`")
        if page is not None and pages > 1:
            image.seek(page - 1)
            _check_size(image)
        return np.array(_rgb(_in_bits(ImageOps.exif_transpose(image), bits)))


def _in_bits(image: Image.Image, bits: int | None) -> Image.Image:
    """Spread a 16-bit image that uses fewer bits over all 16; refuse one that seems to, where nobody says how many."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    brightest, used = int(values.max()), int(values.max()).bit_length()
    if bits is None and _LEAST_BITS < used < _WORD:
        raise MediaError(f"has 16-bit pixels, the brightest {brightest}; give `bits` {used}, or 16 if it is dark")
    if bits is None or used > _WORD:
        return image
    if used > bits:
        raise MediaError(f"has values up to {brightest}, more than {bits} bits; give `bits` {used}")
    return Image.fromarray((values.clip(0) << (_WORD - bits)).astype(np.uint16))


def window_pixels(pixels_HW3: npt.NDArray[np.uint8], box: Letterbox) -> npt.NDArray[np.uint8]:
    """PixelScale decoded pixels into their window, as frames of images are scaled.

    Args:
        pixels_HW3: uint8, RGB, of the letterbox's source size.
        box: where they go.
    """
    return _windowed(Image.fromarray(pixels_HW3), box)


def probe_image(source: SourceStream) -> tuple[int, int]:
    """Return width and height of an image as shown, in pixels; raises MediaError if it is none."""
    with _opened(source) as image:
        turned = image.getexif().get(_ORIENTATION_TAG, 1) >= 5
        # of a TIFF, Pillow gives the size as shown
        return (image.height, image.width) if turned and image.format != _TIFF else (image.width, image.height)


def taken_at(source: SourceStream) -> str | None:
    """Return when an image says it was taken, as EXIF writes it (YYYY:MM:DD HH:MM:SS), or None.

    The offset from UTC (+HH:MM) follows without a blank, where the image says one.
    """
    with _opened(source) as image:
        exif = image.getexif()
        folder = exif.get_ifd(_EXIF_FOLDER)
        for tags in (folder, exif):
            for tag, offset_tag in _TAKEN_TAGS:
                if tags.get(tag):
                    offset = str(folder.get(offset_tag) or exif.get(offset_tag) or "").strip("\0 ")
                    return str(tags[tag]).strip("\0 ") + (offset if _OFFSET.fullmatch(offset) else "")
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
        raise MediaError("is no image that can be read: truncated, or not what its name says") from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise MediaError(f"cannot be decoded ({reason}); the file is damaged") from None


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise MediaError(_TOO_LARGE)


def _check_alone(source: SourceStream) -> None:
    """Refuse a file of several images, of which only the first would be veiled."""
    with _opened(source) as image:
        if image.format not in _MORE_IMAGES:
            return
        try:
            count = getattr(image, "n_frames", 1)
            pages = _pages(image) if image.format == _TIFF else 1
        except (OSError, SyntaxError, ValueError, TypeError, EOFError, struct.error):
            return  # what follows the first page is no page
    if image.format != _TIFF and count > 1:
        raise MediaError(f"is an animation of {count} images; convert it into a video")
    if pages > 1:
        raise MediaError(f"has {pages} pages; save each as a file of its own")


def _pages(image: Image.Image) -> int:
    """Pages of a TIFF without thumbnails and masks."""
    pages = 0
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        tags = getattr(image, "tag_v2", {})
        pages += not int(tags.get(_SUBFILE_TAG, 0)) & _REDUCED_OR_MASK
    return pages


def _rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB: transparency on padding grey, 16-bit grey by its upper byte."""
    if image.mode == "F":
        _check_range(image, 255)
    if image.mode.startswith("I"):
        _check_range(image, 65_535)
        upper = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(upper).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, (PADDING, PADDING, PADDING, 255))
        return Image.alpha_composite(ground, layered).convert("RGB")
    return image.convert("RGB")


def _check_range(image: Image.Image, white: int) -> None:
    """Refuse numbers of which nobody says what is black and what is white, such as fractions."""
    values = np.asarray(image)
    darkest, brightest = float(values.min()), float(values.max())
    fractions = image.mode == "F" and brightest <= 1
    if darkest >= 0 and brightest <= white and not fractions:
        return
    raise MediaError(
        f"has values from {darkest:g} to {brightest:g}, and says neither black nor white; save it with 8 or 16 bits"
    )
