"""Names colours: what a witness would say of a thing."""

from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.audit.core.model import Frames

_DARK, _PALE, _LIGHT = 50, 50, 190
"""Below these values a pixel is black, or of no hue; from the last on, what has no hue is white. Of 255."""


class Colour(StrEnum):
    """Eight names; orange and brown go with yellow, pink with purple."""

    BLACK = "black"
    GREY = "grey"
    WHITE = "white"
    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"


_HUES = (
    (14, Colour.RED),
    (50, Colour.YELLOW),
    (120, Colour.GREEN),
    (185, Colour.BLUE),
    (234, Colour.PURPLE),
    (256, Colour.RED),
)
"""Where each ends on the circle of hues, of 256."""
_COLOURS = tuple(Colour)


def colour_of(part: Frames) -> Colour:
    """Return the name that most pixels of a part of an image have, uint8[H, W, 3]; H and W at least 1."""
    return _COLOURS[int(np.bincount(_names(part).ravel(), minlength=len(_COLOURS)).argmax())]


def _names(part: Frames) -> npt.NDArray[np.int64]:
    hue, pale, light = np.moveaxis(np.asarray(Image.fromarray(np.ascontiguousarray(part)).convert("HSV")), 2, 0)
    ends = np.array([end for end, _ in _HUES])
    hues = np.array([_COLOURS.index(name) for _, name in _HUES])[np.searchsorted(ends, hue, side="right")]
    plain = np.where(light >= _LIGHT, _COLOURS.index(Colour.WHITE), _COLOURS.index(Colour.GREY))
    return np.where(light < _DARK, _COLOURS.index(Colour.BLACK), np.where(pale < _PALE, plain, hues))
