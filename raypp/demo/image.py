"""The image of a demo: plain frames beside what somebody with nothing but the shards would look at first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from raypp.geometry.window import Window
from raypp.media.drawing import OutcomeBox, draw_outcomes, outcome_counts

_GAP = 8
_CAPTION = 18
_WIDTH = 480
_INK = (20, 20, 20)
_PAPER = (250, 250, 248)
_SAID = "on the codes (left), by a detector that never saw a plain frame: {}  (green, yellow, red)"


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


@dataclass(frozen=True)
class Detected:
    """Detections of a detector on a veiled frame.

    Attributes:
        window: where the frame lies in the square.
        view: the codes as a ciphertext-only adversary looks at them, uint8[H, W, 3] of the window.
        boxes: what was found, missed and is wrong.
    """

    window: Window
    view: npt.NDArray[np.uint8]
    boxes: Sequence[OutcomeBox]


def draw_detected(
    detected: Sequence[Detected], plain: Sequence[npt.NDArray[np.uint8]], captions: Sequence[str]
) -> Image.Image:
    """Draw labels and detections on the codes they were found on and on the plain frames behind, a frame to a row.

    Args:
        detected: codes, windows and boxes of each frame.
        plain: plain window of each frame, uint8[H, W, 3].
        captions: what is written below each.
    """
    height = round(_WIDTH * plain[0].shape[0] / plain[0].shape[1])
    sheet = Image.new("RGB", (2 * _WIDTH + 3 * _GAP, 2 * _CAPTION + len(detected) * (height + _GAP + _CAPTION)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 6), _SAID.format(outcome_counts([box for frame in detected for box in frame.boxes])), fill=_INK)
    for row, (frame, pixels, caption) in enumerate(zip(detected, plain, captions, strict=True)):
        top = 2 * _CAPTION + row * (height + _GAP + _CAPTION)
        for column, image in enumerate((frame.view, pixels)):
            sheet.paste(_marked(frame, image).resize((_WIDTH, height)), (_GAP + column * (_GAP + _WIDTH), top))
        pen.text((_GAP, top + height + 2), caption, fill=_INK)
        pen.text((2 * _GAP + _WIDTH, top + height + 2), "the plain frame behind it, for the owner's eyes", fill=_INK)
    return sheet


def _marked(frame: Detected, image: npt.NDArray[np.uint8]) -> Image.Image:
    """Draw the marks in the whole square, as they are given, and cut out the window."""
    window = frame.window
    square = np.zeros((window.size, window.size, 3), dtype=np.uint8)
    top, left = window.row_offset * window.patch, window.column_offset * window.patch
    square[top : top + image.shape[0], left : left + image.shape[1]] = image
    drawn = Image.fromarray(square).resize((2 * window.size, 2 * window.size), Image.Resampling.NEAREST)
    draw_outcomes(drawn, frame.boxes)
    scale = drawn.width / window.size
    right, bottom = left + image.shape[1], top + image.shape[0]
    return drawn.crop((scale * left, scale * top, scale * right, scale * bottom))
