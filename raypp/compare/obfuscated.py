"""The obscured side of a comparison: an image set hidden in another way than by a veil, once and for all epochs."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.compare.arm import JPEG_QUALITY, ObscuredFigures
from raypp.compare.images import ImageDataset, LabelledImage, letterboxed
from raypp.geometry.boxes import Box
from raypp.geometry.letterbox import Letterbox
from raypp.io.atomic import whole_file
from raypp.media.obfuscation import Obscuring, Pixels

_USED = ("train", "val")


def obscure(images: ImageDataset, way: Obscuring, size: int, folder: Path) -> ImageDataset:
    """Write every image of train and val obscured, without loss; those that are there are kept.

    An image is first scaled to the size that the network sees, then obscured, and what reads the set augments after
    that. So each image is released once, the same in every epoch, seed and rerun: noise drawn anew for every epoch
    would give epochs times the epsilon that is told.

    Args:
        images: the plain images.
        way: how to hide them.
        size: side of the letterboxed square, in pixels; the long side of each image is scaled to it.
        folder: where obscured images are written.

    Returns:
        The same set, names and labels as they were, made of the obscured images.
    """
    splits = {split: _split(images.splits[split], way, size, folder / split) for split in _USED}
    return replace(images, splits=splits)


def figures(plain: ImageDataset, obscured: ImageDataset) -> ObscuredFigures:
    """Return the sizes of obscured images as JPEG files, and of the files that they were made of."""
    mine, theirs = ([image.path for split in _USED for image in some.splits[split]] for some in (obscured, plain))
    return ObscuredFigures(
        frames=len(mine),
        jpeg_bytes=sum(map(_jpeg_bytes, mine)),
        source_bytes=sum(path.stat().st_size for path in theirs),
    )


def _split(images: Sequence[LabelledImage], way: Obscuring, size: int, folder: Path) -> tuple[LabelledImage, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_written(image, way, size, folder / f"{number:07d}.png") for number, image in enumerate(images))


def _written(image: LabelledImage, way: Obscuring, size: int, path: Path) -> LabelledImage:
    if not path.exists():
        with whole_file(path) as part:
            Image.fromarray(_hidden(image, way, size)).save(part, format="PNG", compress_level=1)
    return replace(image, path=path)


def _hidden(image: LabelledImage, way: Obscuring, size: int) -> Pixels:
    """Obscure an image within its window; padding, which fills squares at the edges, is cut off again."""
    window, pixels = letterboxed(image, size, way.cell)
    hidden = way(pixels, [_in_window(box, window) for box in image.boxes])
    return np.ascontiguousarray(hidden[: window.content_height, : window.content_width])


def _in_window(box: Box, window: Letterbox) -> Box:
    x, y = window.content_width / window.window_width, window.content_height / window.window_height
    return replace(box, x=box.x * x, y=box.y * y, w=box.w * x, h=box.h * y)


def _jpeg_bytes(path: Path) -> int:
    written = io.BytesIO()
    with Image.open(path) as image:
        image.save(written, format="JPEG", quality=JPEG_QUALITY)
    return written.tell()
