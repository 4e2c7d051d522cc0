"""Hand tools as drawn shapes: five kinds, each in endless variants, told apart by shape and by nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("hammer", "screwdriver", "wrench", "pliers", "saw")
BENCH_CLASSES = (*CLASSES, "part")
"""What lies on a bench with a procedure: tools, and the part that is worked on."""
PART = len(CLASSES)
"""The part's class_id."""

_SUPERSAMPLE = 4
_HANDLES = (
    (196, 36, 40), (28, 92, 170), (236, 186, 40), (34, 128, 70),
    (40, 40, 44), (226, 120, 30), (150, 104, 62), (120, 50, 130),
)  # fmt: skip

Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class Tool:
    """One tool of the workshop, or a part: its class and its look, drawn once.

    Attributes:
        class_id: index into BENCH_CLASSES.
        sprite: RGBA, the tool lying along x, centred on its grip in `anchor`.
        anchor: the grip, in sprite pixels.
    """

    class_id: int
    sprite: Image.Image
    anchor: Point


def make_tool(class_id: int, generator: np.random.Generator) -> Tool:
    """Draw a tool: length, proportions, shades and colours by chance, from the same ranges for all kinds."""
    length = float(generator.uniform(70, 150))
    pen = _Pen(length, float(generator.uniform(0.85, 1.25)), generator)
    _DRAWINGS[class_id](pen)
    return Tool(class_id, pen.finish(), pen.grip())


def make_part(generator: np.random.Generator) -> Tool:
    """Draw the part that is worked on: a casting with a bore and four holes; it is carried by its middle."""
    pen = _Pen(float(generator.uniform(112, 124)), 1.0, generator)
    pen.polygon([(-0.46, -0.3), (0.4, -0.3), (0.46, -0.2), (0.46, 0.3), (-0.46, 0.3)], pen.handle)
    pen.polygon([(-0.4, -0.24), (0.4, -0.24), (0.4, 0.24), (-0.4, 0.24)], pen.metal)
    for x in (-0.33, 0.33):
        for y in (-0.18, 0.18):
            pen.disc((x, y), 0.045, (50, 50, 54))
    pen.disc((0.0, 0.0), 0.19, pen.handle)
    pen.disc((0.0, 0.0), 0.12, (44, 44, 48))
    pen.grip_x = 0.0
    return Tool(PART, pen.finish(), pen.grip())


class _Pen:
    """Draws in tool units: x along the tool from -0.5 to 0.5, y across it."""

    def __init__(self, length: float, widen: float, generator: np.random.Generator) -> None:
        self._scale = length * _SUPERSAMPLE
        self._widen = widen
        side = int(self._scale * 1.16)
        self._image = Image.new("RGBA", (side, int(side * 0.8)))
        self._draw = ImageDraw.Draw(self._image)
        shade = int(generator.integers(90, 215))
        tint = generator.integers(-12, 13, 3)
        self.metal: Colour = tuple(int(np.clip(shade + t, 0, 255)) for t in tint)  # type: ignore[assignment]
        base = np.array(_HANDLES[int(generator.integers(len(_HANDLES)))])
        self.handle: Colour = tuple(int(c) for c in np.clip(base + generator.integers(-20, 21, 3), 0, 255))  # type: ignore[assignment]
        self.grip_x = -0.25
        self.generator = generator

    def polygon(self, points: list[Point], colour: Colour) -> None:
        """Fill a polygon, with a lighter edge on its upper side as light from above gives."""
        self._draw.polygon([self._at(point) for point in points], fill=(*colour, 255))

    def bar(self, start: Point, end: Point, width: float, colour: Colour) -> None:
        """Draw a straight bar with round ends."""
        pixels = max(2, int(width * self._scale * self._widen))
        (x1, y1), (x2, y2) = self._at(start), self._at(end)
        self._draw.line([(x1, y1), (x2, y2)], fill=(*colour, 255), width=pixels)
        radius = pixels / 2
        for x, y in ((x1, y1), (x2, y2)):
            self._draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(*colour, 255))
        bright = tuple(min(255, c + 40) for c in colour)
        self._draw.line([(x1, y1 - radius / 2), (x2, y2 - radius / 2)], fill=(*bright, 255), width=max(1, pixels // 6))

    def disc(self, centre: Point, radius: float, colour: Colour | None) -> None:
        """Draw a disc, or cut one out."""
        x, y = self._at(centre)
        r = radius * self._scale * self._widen
        self._draw.ellipse([x - r, y - r, x + r, y + r], fill=(*colour, 255) if colour else (0, 0, 0, 0))

    def cut(self, points: list[Point]) -> None:
        """Cut a polygon out."""
        self._draw.polygon([self._at(point) for point in points], fill=(0, 0, 0, 0))

    def finish(self) -> Image.Image:
        """Return the sprite at its real size."""
        width, height = self._image.size
        return self._image.resize((width // _SUPERSAMPLE, height // _SUPERSAMPLE), Image.Resampling.BOX)

    def grip(self) -> Point:
        """Where a hand holds the tool, in pixels of the finished sprite."""
        x, y = self._at((self.grip_x, 0.0))
        return x / _SUPERSAMPLE, y / _SUPERSAMPLE

    def _at(self, point: Point) -> Point:
        x, y = point
        return self._image.width / 2 + x * self._scale, self._image.height / 2 + y * self._scale * self._widen


def _hammer(pen: _Pen) -> None:
    reach = float(pen.generator.uniform(0.17, 0.24))
    pen.bar((-0.46, 0), (0.30, 0), 0.06, pen.handle)
    pen.bar((-0.46, 0), (-0.18, 0), 0.085, pen.handle)
    pen.polygon([(0.26, -reach), (0.42, -reach), (0.42, 0.10), (0.26, 0.10)], pen.metal)
    pen.polygon([(0.24, -reach - 0.05), (0.44, -reach - 0.05), (0.44, -reach + 0.01), (0.24, -reach + 0.01)], pen.metal)
    pen.polygon([(0.27, 0.08), (0.41, 0.08), (0.33, reach + 0.09), (0.28, reach + 0.07)], pen.metal)


def _screwdriver(pen: _Pen) -> None:
    thick = float(pen.generator.uniform(0.13, 0.18))
    pen.bar((-0.05, 0), (0.46, 0), 0.032, pen.metal)
    pen.polygon([(0.42, -0.03), (0.5, -0.035), (0.5, 0.035), (0.42, 0.03)], pen.metal)
    pen.bar((-0.41, 0), (-0.10, 0), thick, pen.handle)
    dark: Colour = tuple(c // 2 for c in pen.handle)  # type: ignore[assignment]
    for y in (-thick / 4, thick / 4):
        pen.bar((-0.38, y), (-0.14, y), 0.012, dark)
    pen.bar((-0.06, 0), (-0.04, 0), 0.075, pen.metal)


def _wrench(pen: _Pen) -> None:
    head = float(pen.generator.uniform(0.12, 0.15))
    pen.bar((-0.34, 0), (0.30, 0), 0.075, pen.metal)
    pen.disc((-0.38, 0), head * 0.85, pen.metal)
    pen.disc((-0.38, 0), head * 0.45, None)
    pen.disc((0.36, 0), head, pen.metal)
    pen.cut([(0.34, -head * 0.42), (0.55, -head * 0.62), (0.55, head * 0.30), (0.34, head * 0.42)])
    pen.bar((-0.15, 0), (0.12, 0), 0.045, pen.handle)
    pen.grip_x = -0.12


def _pliers(pen: _Pen) -> None:
    spread = float(pen.generator.uniform(0.12, 0.19))
    for side in (-1, 1):
        pen.bar((0.12, 0), (-0.08, side * spread * 0.75), 0.06, pen.handle)
        pen.bar((-0.08, side * spread * 0.75), (-0.44, side * spread), 0.065, pen.handle)
        gap = side * 0.012
        pen.polygon(
            [(0.10, gap), (0.12, side * 0.10), (0.24, side * 0.085), (0.46, side * 0.03), (0.47, gap)], pen.metal
        )
    pen.disc((0.13, 0), 0.075, pen.metal)
    pen.disc((0.13, 0), 0.028, (60, 60, 64))


def _saw(pen: _Pen) -> None:
    deep = float(pen.generator.uniform(0.16, 0.22))
    teeth = [(x, deep * (0.95 - 0.55 * (x + 0.12) / 0.62) + (0.025 if i % 2 else 0.0))
             for i, x in enumerate(np.linspace(-0.12, 0.5, 24).tolist())]  # fmt: skip
    pen.polygon([(0.5, -0.09), (-0.16, -0.11), (-0.16, deep), *teeth], pen.metal)
    pen.polygon(
        [(-0.13, -0.13), (-0.42, -0.15), (-0.49, 0.02), (-0.44, 0.20), (-0.30, 0.22), (-0.13, deep)], pen.handle
    )
    pen.cut([(-0.22, -0.05), (-0.38, -0.06), (-0.41, 0.03), (-0.37, 0.12), (-0.25, 0.11)])
    pen.grip_x = -0.38


_DRAWINGS: tuple[Callable[[_Pen], None], ...] = (_hammer, _screwdriver, _wrench, _pliers, _saw)
