"""Pictures for the owner's eyes: a frame with its marks, and many frames on one sheet."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from raypp.veiling.marks import Mark
from raypp.veiling.plain import Square

LABEL_COLOUR = (0, 230, 118)
DETECTION_COLOUR = (255, 109, 0)
_INK, _PAPER = (20, 20, 20), (250, 250, 248)
_TILE, _CAPTION, _GAP = 300, 34, 8
_COLUMNS = 4
_LEAST_SIDE = 640


def draw_marks(square: Square, labels: Sequence[Mark], detections: Sequence[Mark]) -> Image.Image:
    """Draw labels in green and detections, with their confidence, in orange onto a frame; a small one is enlarged."""
    picture = Image.fromarray(square)
    factor = -(-_LEAST_SIDE // picture.width)
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(picture)
    marked = [(mark, LABEL_COLOUR) for mark in labels] + [(mark, DETECTION_COLOUR) for mark in detections]
    for mark, colour in marked:
        pen.rectangle(_corners(mark, picture.width), outline=colour, width=max(1, picture.width // 320))
    for mark, colour in marked:  # after all boxes, so that none crosses out a name
        _name(pen, mark, colour, picture.width)
    return picture


def contact_sheet(pictures: Sequence[Image.Image], captions: Sequence[tuple[str, str]]) -> Image.Image:
    """Lay pictures out in rows, small, each above its caption of two lines."""
    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    size = (_GAP + columns * (_TILE + _GAP), _GAP + rows * (_TILE + _CAPTION + _GAP))
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for number, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        left = _GAP + number % columns * (_TILE + _GAP)
        top = _GAP + number // columns * (_TILE + _CAPTION + _GAP)
        sheet.paste(picture.resize((_TILE, _TILE), Image.Resampling.LANCZOS), (left, top))
        for row, line in enumerate(lines):
            pen.text((left, top + _TILE + 2 + 15 * row), _fitted(line, font), fill=_INK, font=font)
    return sheet


def png(picture: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _corners(mark: Mark, side: int) -> tuple[float, float, float, float]:
    left, top = (mark.x - mark.w / 2) * side, (mark.y - mark.h / 2) * side
    return left, top, left + mark.w * side, top + mark.h * side


def _name(pen: ImageDraw.ImageDraw, mark: Mark, colour: tuple[int, int, int], side: int) -> None:
    """Write a label's class above its box, a detection's with its confidence below; never out of the picture."""
    text = mark.name if mark.confidence is None else f"{mark.name} {mark.confidence:.2f}"
    font = ImageFont.load_default(max(9, side // 48))
    left, top, _, bottom = _corners(mark, side)
    _, _, width, height = (int(value) for value in font.getbbox(text))
    at_x = max(0, min(left, side - width - 4))
    at_y = max(0, top - height - 4) if mark.confidence is None else max(0, min(bottom, side - height - 4))
    pen.rectangle((at_x, at_y, at_x + width + 4, at_y + height + 4), fill=colour)
    pen.text((at_x + 2, at_y + 1), text, fill=_INK, font=font)


def _fitted(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Leave out the begin of a line that is too long for a tile: the end of a file's place tells more."""
    if font.getlength(line) <= _TILE:
        return line
    while line and font.getlength("..." + line) > _TILE:
        line = line[1:]
    return "..." + line
