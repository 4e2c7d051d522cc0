"""Variants of a frame: mirrored, scaled, moved and recoloured before it is veiled, and its boxes along with it.

Codes cannot be augmented like that, so it is done in pixel space, in the ranges of ultralytics' default training
augmentation: mirrored in one of two cases, scaled by 0.5 to 1.5, moved by up to a tenth, hue by up to 0.015 of the
circle, saturation by up to 70 %, value by up to 40 %.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.geometry.boxes import Corners
from raypp.geometry.rectangle import Rectangle
from raypp.media.frame import PADDING

SEED_BYTES = 32

_SCALE = 0.5
_SHIFT = 0.1
_HUE, _SATURATION, _VALUE = 0.015, 0.7, 0.4
# What must be left of a box for it to stay labelled, as ultralytics has it.
_LEAST_SHARE = 0.1
_LEAST_PIXELS = 2.0
_MOST_ASPECT = 100.0
_HUE_CIRCLE = 255  # Pillow's hue 255 is its hue 0 again


class Placement(NamedTuple):
    """Where a frame's content comes to lie, in whole pixels of the content's own area; it may reach beyond it."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Variant:
    """How a variant differs from its frame.

    Attributes:
        mirrored: left and right are swapped.
        scale: size of the content, 1 as it was.
        shift_x, shift_y: move of the content's centre, as fractions of its width and height.
        hue: turn of the hue, as a fraction of the circle.
        saturation, value: factors.
    """

    mirrored: bool = False
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    hue: float = 0.0
    saturation: float = 1.0
    value: float = 1.0

    @classmethod
    def of_seed(cls, seed: bytes) -> Self:
        """Return the variant that 32 uniform bytes stand for: the same for ever, whatever the libraries."""
        side, scale, right, down, hue, saturation, value, _ = (n / (1 << 31) - 1 for n in struct.unpack(">8I", seed))
        return cls(
            mirrored=side < 0,
            scale=1 + _SCALE * scale,
            shift_x=_SHIFT * right,
            shift_y=_SHIFT * down,
            hue=_HUE * hue,
            saturation=1 + _SATURATION * saturation,
            value=1 + _VALUE * value,
        )

    def place(self, width: int, height: int) -> Placement:
        """Return where the content of so many pixels comes to lie: both pixels and boxes follow these whole numbers."""
        left, right = _span(self.scale, self.shift_x, width)
        top, bottom = _span(self.scale, self.shift_y, height)
        return Placement(left, top, right, bottom)

    def pixels(self, window: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
        """Make the variant of a frame.

        Args:
            window: uint8[H, W, 3], RGB, masks painted; its content lies at the top left, the rest is padding.
            width: width of the content, in pixels.
            height: height of the content, in pixels.

        Returns:
            A window of the same shape, grey wherever no content came to lie.
        """
        place = self.place(width, height)
        left, top = max(place.left, 0), max(place.top, 0)
        right, bottom = min(place.right, width), min(place.bottom, height)
        content = Image.fromarray(window[:height, :width])
        if self.mirrored:
            content = content.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        across, along = width / (place.right - place.left), height / (place.bottom - place.top)
        seen = (
            (left - place.left) * across,
            (top - place.top) * along,
            min((right - place.left) * across, width),
            min((bottom - place.top) * along, height),
        )
        scaled = content.resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=seen)
        out = np.full_like(window, PADDING)
        out[top:bottom, left:right] = np.asarray(self._recoloured(scaled))
        return out

    def boxes(self, boxes: Corners, width: int, height: int) -> tuple[Corners, npt.NDArray[np.bool_]]:
        """Move boxes as `pixels` moves what they are around, and clip them.

        Args:
            boxes: float[N, 4], centres and sizes (x, y, w, h), fractions of the frame.
            width: width of the content, in pixels, as `pixels` was given.
            height: height of the content, in pixels.

        Returns:
            float[N, 4], as the argument; and bool[N], which of them have enough left to stay labelled.
        """
        place = self.place(width, height)
        size = np.array([width, height], dtype=np.float64)
        origin = np.array([place.left, place.top]) / size
        scale = np.array([place.right - place.left, place.bottom - place.top]) / size
        centres, sizes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)[:, :2].copy(), np.asarray(boxes)[:, 2:]
        if self.mirrored:
            centres[:, 0] = 1 - centres[:, 0]
        return clipped(origin + centres * scale, sizes * scale, width, height)

    def _recoloured(self, image: Image.Image) -> Image.Image:
        levels = np.arange(256)
        tables = (
            np.rint(levels + self.hue * _HUE_CIRCLE) % _HUE_CIRCLE,
            np.clip(np.rint(levels * self.saturation), 0, 255),
            np.clip(np.rint(levels * self.value), 0, 255),
        )
        return image.convert("HSV").point(np.concatenate(tables).astype(int).tolist()).convert("RGB")


def crop_boxes(boxes: Corners, part: Rectangle, width: int, height: int) -> tuple[Corners, npt.NDArray[np.bool_]]:
    """Move boxes of a frame into a part of it, and clip them.

    Args:
        boxes: float[N, 4], centres and sizes (x, y, w, h), fractions of the frame.
        part: the part.
        width: width of the part's content in its window, in pixels.
        height: height of that content, in pixels.

    Returns:
        float[N, 4], fractions of the part; and bool[N], which of them have enough left to stay labelled.
    """
    given = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    origin = np.array([part.left, part.top])
    extent = np.array([part.right, part.bottom]) - origin
    return clipped((given[:, :2] - origin) / extent, given[:, 2:] / extent, width, height)


def clipped(
    centres: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], width: int, height: int
) -> tuple[Corners, npt.NDArray[np.bool_]]:
    """Clip boxes to their frame.

    Args:
        centres: float[N, 2], fractions of the frame; they may lie beyond it.
        sizes: float[N, 2].
        width: width of the content, in pixels.
        height: height of the content, in pixels.

    Returns:
        float[N, 4], centres and sizes of what is left; and bool[N], which of them have enough left to stay labelled.
    """
    low, high = np.clip(centres - sizes / 2, 0, 1), np.clip(centres + sizes / 2, 0, 1)
    left_over = high - low
    pixels = left_over * np.array([width, height], dtype=np.float64)
    shortest = pixels.min(axis=1, initial=np.inf)
    kept = (
        (shortest > _LEAST_PIXELS)
        & (pixels.max(axis=1, initial=0) < _MOST_ASPECT * shortest)
        & (left_over.prod(axis=1) > _LEAST_SHARE * sizes.prod(axis=1))
    )
    return np.concatenate([(low + high) / 2, left_over], axis=1), kept


def _span(scale: float, shift: float, length: int) -> tuple[int, int]:
    """First and last edge of a scaled and shifted stretch, rounded to whole pixels, at least one of them visible."""
    low = min(round((0.5 + shift - scale / 2) * length), length - 1)
    return low, max(round((0.5 + shift + scale / 2) * length), low + 1, 1)
