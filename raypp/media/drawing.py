"""Marks on frames: named boxes of labels and of detections, drawn on whatever image stands for the square."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageDraw, ImageFont

LABEL_COLOUR = (0, 230, 118)
DETECTION_COLOUR = (255, 109, 0)
_INK = (20, 20, 20)


@dataclass(frozen=True)
class Mark:
    """A named box in the letterboxed square: centre, width, height, each a fraction of the square's side.

    Attributes:
        name: its class.
        confidence: of a detection; None for a label.
    """

    name: str
    x: float
    y: float
    w: float
    h: float
    confidence: float | None = None


def draw_boxes(square: Image.Image, labels: Sequence[Mark], detections: Sequence[Mark]) -> None:
    """Draw labels in green and detections, with their confidence, in orange onto an image of the square, in place."""
    pen = ImageDraw.Draw(square)
    marked = [(mark, LABEL_COLOUR) for mark in labels] + [(mark, DETECTION_COLOUR) for mark in detections]
    for mark, colour in marked:
        pen.rectangle(_corners(mark, square.width), outline=colour, width=max(1, square.width // 320))
    for mark, colour in marked:  # after all boxes, so that none crosses out a name
        _name(pen, mark, colour, square.width)


class MarkOutcome(StrEnum):
    """Result of matching a label or a detection."""

    FOUND = "found"
    MISSED = "missed"
    WRONG = "wrong"


OUTCOME_COLOURS = {MarkOutcome.FOUND: (0, 200, 90), MarkOutcome.MISSED: (255, 214, 0), MarkOutcome.WRONG: (255, 23, 68)}
_ON_TOP = (MarkOutcome.FOUND, MarkOutcome.MISSED, MarkOutcome.WRONG)


@dataclass(frozen=True)
class OutcomeBox:
    """A box that was found, missed, or is wrong.

    Attributes:
        outcome: which of them.
        corners: left, top, right, bottom, as fractions of the square's side.
    """

    outcome: MarkOutcome
    corners: tuple[float, float, float, float]


def draw_outcomes(square: Image.Image, boxes: Sequence[OutcomeBox]) -> None:
    """Outline boxes on an image of the square, in place: the right ones thin, mistakes thick and on top, no text."""
    pen, width = ImageDraw.Draw(square), max(2, square.width // 320)
    for outcome in _ON_TOP:
        for box in boxes:
            if box.outcome is outcome:
                thick = width if outcome is MarkOutcome.FOUND else 3 * width // 2
                pen.rectangle(
                    tuple(edge * square.width for edge in box.corners), outline=OUTCOME_COLOURS[outcome], width=thick
                )


def outcome_counts(boxes: Sequence[OutcomeBox]) -> str:
    """Count them in words, such as `found 17, missed 7, wrong 3`."""
    right, missed, wrong = (sum(box.outcome is outcome for box in boxes) for outcome in _ON_TOP)
    return f"found {right}, missed {missed}, wrong {wrong}"


def _corners(mark: Mark, side: int) -> tuple[float, float, float, float]:
    left, top = (mark.x - mark.w / 2) * side, (mark.y - mark.h / 2) * side
    return left, top, left + mark.w * side, top + mark.h * side


def _name(pen: ImageDraw.ImageDraw, mark: Mark, colour: tuple[int, int, int], side: int) -> None:
    """Write a label's class above its box, a detection's with its confidence below; never out of the image."""
    text = mark.name if mark.confidence is None else f"{mark.name} {mark.confidence:.2f}"
    font = ImageFont.load_default(max(11, side // 48))
    left, top, _, bottom = _corners(mark, side)
    _, _, width, height = (int(value) for value in font.getbbox(text))
    at_x = max(0, min(left, side - width - 4))
    at_y = max(0, top - height - 4) if mark.confidence is None else max(0, min(bottom, side - height - 4))
    pen.rectangle((at_x, at_y, at_x + width + 4, at_y + height + 4), fill=colour)
    pen.text((at_x + 2, at_y + 1), text, fill=_INK, font=font)
