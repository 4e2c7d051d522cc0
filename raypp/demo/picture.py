"""The picture of a demo: plain frames beside what somebody with nothing but the shards would look at first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

_GAP = 8
_CAPTION = 18
_WIDTH = 480
_INK = (20, 20, 20)
_PAPER = (250, 250, 248)


@dataclass(frozen=True)
class Pair:
    """One frame: its plain window uint8[h, w, 3], its codes uint8[C, rows, columns], and a caption."""

    pixels: npt.NDArray[np.uint8]
    codes: npt.NDArray[np.uint8]
    caption: str


def draw(pairs: Sequence[Pair], views: Sequence[npt.NDArray[np.uint8]], title: str) -> Image.Image:
    """Draw plain frames on the left and their views on the right, one frame to a row."""
    heights = [round(_WIDTH * pair.pixels.shape[0] / pair.pixels.shape[1]) for pair in pairs]
    sheet = Image.new(
        "RGB", (2 * _WIDTH + 3 * _GAP, 2 * _CAPTION + sum(heights) + len(pairs) * (_GAP + _CAPTION)), _PAPER
    )
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 6), title, fill=_INK)
    top = 2 * _CAPTION
    for pair, view, height in zip(pairs, views, heights, strict=True):
        plain = Image.fromarray(pair.pixels).resize((_WIDTH, height), Image.Resampling.BILINEAR)
        veiled = Image.fromarray(view).resize((_WIDTH, height), Image.Resampling.NEAREST)
        sheet.paste(plain, (_GAP, top))
        sheet.paste(veiled, (2 * _GAP + _WIDTH, top))
        pen.text((_GAP, top + height + 2), pair.caption, fill=_INK)
        pen.text((2 * _GAP + _WIDTH, top + height + 2), "its codes: the best three-component view", fill=_INK)
        top += height + _GAP + _CAPTION
    return sheet
