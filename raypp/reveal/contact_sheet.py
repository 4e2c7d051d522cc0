"""Images for the owner's eyes: a frame with its marks, and many frames on one sheet."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from raypp.media.drawing import Mark, draw_boxes
from raypp.reveal.plain import Square

_INK, _PAPER = (20, 20, 20), (250, 250, 248)
_TILE, _CAPTION, _GAP = 300, 34, 8
_COLUMNS = 4
_LEAST_SIDE = 640


def draw_marks(square: Square, labels: Sequence[Mark], detections: Sequence[Mark]) -> Image.Image:
    """Draw labels in green and detections, with their confidence, in orange onto a frame; a small one is enlarged."""
    image = Image.fromarray(square)
    factor = -(-_LEAST_SIDE // image.width)
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    draw_boxes(image, labels, detections)
    return image


def contact_sheet(images: Sequence[Image.Image], captions: Sequence[tuple[str, str]]) -> Image.Image:
    """Lay images out in rows, small, each above its caption of two lines."""
    columns = min(_COLUMNS, len(images))
    rows = -(-len(images) // columns)
    size = (_GAP + columns * (_TILE + _GAP), _GAP + rows * (_TILE + _CAPTION + _GAP))
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for number, (image, lines) in enumerate(zip(images, captions, strict=True)):
        left = _GAP + number % columns * (_TILE + _GAP)
        top = _GAP + number // columns * (_TILE + _CAPTION + _GAP)
        sheet.paste(image.resize((_TILE, _TILE), Image.Resampling.LANCZOS), (left, top))
        for row, line in enumerate(lines):
            pen.text((left, top + _TILE + 2 + 15 * row), _fitted(line, font), fill=_INK, font=font)
    return sheet


def png(image: Image.Image) -> bytes:
    """Return an image as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _fitted(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Leave out the begin of a line that is too long for a tile: the end of a file's place tells more."""
    if font.getlength(line) <= _TILE:
        return line
    while line and font.getlength("..." + line) > _TILE:
        line = line[1:]
    return "..." + line
