"""A plain image in memory, as it is counted: it is never written anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from raypp.errors import MediaError, OptionError
from raypp.media.files import SourceStream, held_source, open_source
from raypp.media.image import decode_pixels
from raypp.media.source import IMAGE_SUFFIXES, suffix_of

_LEAST_SIDE = 32


class DecodeOptions(NamedTuple):
    """How images are decoded.

    Attributes:
        page: which page of a TIFF, from 1; None for the only one.
        bits: bits that 16-bit images use; None for all of them.
    """

    page: int | None = None
    bits: int | None = None

    def check(self) -> None:
        """Raise OptionError for a value out of range."""
        if self.page is not None and self.page < 1:
            raise OptionError(f"`page` {self.page} must be 1 or more")
        if self.bits is not None and not 9 <= self.bits <= 16:
            raise OptionError(f"`bits` {self.bits} must be 9 to 16")


@dataclass(frozen=True)
class PlainImage:
    """An image.

    Attributes:
        name: what it is called.
        pixels_HW3: uint8, RGB.
        content: bytes of its file, by which its codes are keyed and a dataset knows it.
    """

    name: str
    pixels_HW3: npt.NDArray[np.uint8] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels_HW3.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels_HW3.shape[0])


def read_image(path: str, options: DecodeOptions = DecodeOptions()) -> PlainImage:  # noqa: B008 - it never changes
    """Read an image's file or URL; raises MediaError or SourceReadError, naming it."""
    stream = open_source(path)
    try:
        return _image(stream, Path(path).name, options)
    finally:
        stream.close()


def held_image(content: bytes, name: str, options: DecodeOptions = DecodeOptions()) -> PlainImage:  # noqa: B008
    """Decode an image that is held in memory; raises MediaError, naming it."""
    return _image(held_source(content, name), name, options)


def _image(stream: SourceStream, name: str, options: DecodeOptions) -> PlainImage:
    try:
        pixels = decode_pixels(stream, options.page, options.bits)
    except MediaError as error:
        text = str(error)
        raise type(error)(text if name in text else f"{name} {text}") from None
    if min(pixels.shape[:2]) < _LEAST_SIDE:
        raise MediaError(
            f"{name} is {pixels.shape[1]}x{pixels.shape[0]} pixels, must be at least {_LEAST_SIDE} each way; "
            "give the image as it was taken"
        )
    stream.seek(0)
    return PlainImage(name, pixels, stream.read())


def list_images(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the images that files and folders hold, each once, in order of name within a folder.

    Raises:
        OptionError: if a source is not there, or there is no image at all.
    """
    paths: dict[str, None] = {}
    for source in sources:
        place = Path(source)
        if "://" in source or place.is_file():
            paths[source] = None
        elif place.is_dir():
            inside = (path for path in place.rglob("*") if path.is_file())
            paths |= dict.fromkeys(str(path) for path in sorted(inside) if suffix_of(path.name) in IMAGE_SUFFIXES)
        else:
            raise OptionError(f"{source} does not exist; give images, or folders of them")
    if not paths:
        raise OptionError(f"no image in {', '.join(sources)}; give files such as .png, .jpg or .tif")
    return tuple(paths)
