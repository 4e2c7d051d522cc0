"""Rendering a yard: what a camera sees at a moment, as `raypp.demo.yard.sight` tells it, without words or faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from raypp.demo.workshop.scene import Light, make_light
from raypp.demo.yard.figure import HEIGHT, WIDTH, Outfit, PersonFigure
from raypp.demo.yard.script import Person
from raypp.geometry.boxes import Edges

SIZE = (WIDTH // 2, HEIGHT // 2)
"""Width and height of images, in pixels: half of the yard's, which smooths edges."""
_COVER = (34, 30, 28)

Colour = tuple[int, int, int]

_SKINS = (224, 178, 144), (186, 132, 96), (118, 78, 54), (240, 200, 170)
_HAIRS = (40, 30, 24), (92, 62, 36), (170, 150, 120), (16, 16, 18)
_JACKETS = (44, 56, 84), (70, 70, 74), (96, 84, 66), (48, 74, 60), (110, 60, 56)
_TROUSERS = (38, 44, 62), (58, 58, 60), (74, 66, 52), (30, 32, 36)
_VESTS = (236, 96, 24), (206, 226, 40)
_HELMETS = (240, 200, 30), (236, 236, 232), (30, 96, 190), (214, 52, 40)
_GLOVES = (24, 150, 150), (220, 60, 120), (120, 220, 60)
_LENSES = (20, 24, 30), (60, 130, 190)
_SHOES, _CAP, _TRAINERS = (34, 26, 20), (214, 168, 40), (196, 196, 200)


@dataclass(frozen=True)
class Look:
    """Colours of one person."""

    skin: Colour
    hair: Colour
    jacket: Colour
    trousers: Colour
    vest: Colour
    helmet: Colour
    glove: Colour
    lens: Colour

    @classmethod
    def draw(cls, generator: np.random.Generator) -> "Look":
        """Choose the colours of a person."""
        choices = (_SKINS, _HAIRS, _JACKETS, _TROUSERS, _VESTS, _HELMETS, _GLOVES, _LENSES)
        return cls(*(_near(colours[int(generator.integers(len(colours)))], generator) for colours in choices))


class YardCamera:
    """Renders what one camera of a yard sees.

    Args:
        people: the yard's script.
        generator: chooses ground, light and colours.
    """

    def __init__(self, people: Sequence[Person], generator: np.random.Generator) -> None:
        self._people = people
        self._looks = [Look.draw(generator) for _ in people]
        self._ground = _ground(generator)
        self._light: Light = make_light(SIZE, generator)

    def image(self, index: int, time_s: float, *, covered: bool = False) -> npt.NDArray[np.uint8]:
        """Render a moment.

        Args:
            index: number of the frame, which picks its noise.
            time_s: the moment.
            covered: whether something is before the lens.

        Returns:
            uint8[H, W, 3].
        """
        if covered:
            image = Image.new("RGB", SIZE, _COVER)
        else:
            large = self._ground.copy()
            draw = ImageDraw.Draw(large)
            there = [(person.figure(time_s), number) for number, person in enumerate(self._people)]
            for figure, number in sorted(((f, n) for f, n in there if f), key=lambda entry: (entry[0].y, entry[1])):
                _draw_person(draw, figure, self._people[number].outfit(time_s), self._looks[number])
            image = large.reduce(2)
        return self._light.apply(np.asarray(image), index, time_s)


def _near(colour: Colour, generator: np.random.Generator) -> Colour:
    red, green, blue = (int(np.clip(part + generator.integers(-14, 15), 0, 255)) for part in colour)
    return red, green, blue


def _darker(colour: Colour, share: float = 0.72) -> Colour:
    red, green, blue = (round(part * share) for part in colour)
    return red, green, blue


def _ground(generator: np.random.Generator) -> Image.Image:
    """Draw a wall, a floor of concrete, asphalt or gravel with lines, and things that stand about."""
    base = np.array([(142, 140, 134), (92, 94, 98), (128, 116, 98)][int(generator.integers(3))])
    coarse = generator.normal(0, 7, (HEIGHT // 24, WIDTH // 24, 1)) + generator.normal(
        0, 2, (HEIGHT // 24, WIDTH // 24, 3)
    )
    floor = Image.fromarray(np.clip(base + generator.uniform(-16, 16, 3) + coarse, 0, 255).astype(np.uint8))
    image = floor.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    wall = round(HEIGHT * float(generator.uniform(0.3, 0.42)))
    draw.rectangle((0, 0, WIDTH, wall), fill=_any_colour(generator, 90, 190))
    for _ in range(int(generator.integers(3, 7))):
        left, top = float(generator.uniform(0, WIDTH)), float(generator.uniform(0, wall * 0.7))
        size = left + float(generator.uniform(40, 160)), min(top + float(generator.uniform(30, 160)), wall)
        draw.rectangle((left, top, *size), fill=_any_colour(generator, 50, 200), outline=(60, 60, 60), width=3)
    for _ in range(int(generator.integers(2, 5))):
        y = float(generator.uniform(wall + 20, HEIGHT))
        line = (0.0, y, float(WIDTH), y + float(generator.uniform(-80, 80)))
        draw.line(line, fill=((220, 200, 60), (225, 225, 225))[int(generator.integers(2))], width=6)
    for _ in range(int(generator.integers(5, 12))):
        _draw_thing(draw, generator, wall)
    return image.filter(ImageFilter.GaussianBlur(1))


def _draw_thing(draw: ImageDraw.ImageDraw, generator: np.random.Generator, wall: int) -> None:
    """Draw a crate, a barrel, a cone or a spill."""
    x, y = float(generator.uniform(0, WIDTH)), float(generator.uniform(wall + 10, HEIGHT))
    extent = float(generator.uniform(0.1, 0.25)) * (y - 60)
    colour = _any_colour(generator, 40, 220)
    kind = int(generator.integers(4))
    if kind == 0:
        draw.rectangle((x, y - extent, x + 1.4 * extent, y), fill=colour, outline=_darker(colour), width=4)
        draw.line((x, y - extent, x + 1.4 * extent, y), fill=_darker(colour), width=4)
    elif kind == 1:
        draw.rounded_rectangle((x, y - 1.3 * extent, x + 0.8 * extent, y), extent / 6, fill=colour)
        draw.line((x, y - 0.8 * extent, x + 0.8 * extent, y - 0.8 * extent), fill=_darker(colour), width=5)
    elif kind == 2:
        draw.polygon((x, y, x + extent / 2, y, x + extent / 4, y - 0.8 * extent), fill=(226, 92, 40))
    else:
        draw.ellipse((x, y - extent / 4, x + 2 * extent, y + extent / 4), fill=_darker(colour, 0.5))


def _any_colour(generator: np.random.Generator, least: int, most: int) -> Colour:
    red, green, blue = (int(part) for part in generator.integers(least, most, 3))
    return red, green, blue


def _draw_person(draw: ImageDraw.ImageDraw, figure: PersonFigure, outfit: Outfit, look: Look) -> None:
    """Draw one person: each item in the box that the truth gives it."""
    x, height, above = figure.x, figure.height, figure.y - figure.height

    def box(across: float, half: float, top: float, bottom: float) -> Edges:
        left, right = x + (across - half) * height, x + (across + half) * height
        return left, above + top * height, right, above + bottom * height

    legs = (-0.06, 0.06) if figure.sideways else (-0.075, 0.075)
    for across in legs:
        draw.rounded_rectangle(box(across, 0.06, 0.5, 0.96), 0.03 * height, fill=look.trousers)
    _draw_feet(draw, figure, outfit)
    trunk = 0.09 if figure.sideways else 0.15
    draw.rounded_rectangle(box(0, trunk, 0.15, 0.55), 0.05 * height, fill=look.jacket)
    if outfit.vest:
        _draw_vest(draw, figure, look)
    for hand in figure.hands():
        middle = (hand[0] + hand[2]) / 2
        shoulder = x + (0.16 * (1 if middle > x else -1) if not figure.sideways else 0) * height
        arm = (shoulder, above + 0.2 * height, middle, (hand[1] + hand[3]) / 2)
        draw.line(arm, fill=_darker(look.jacket, 0.86), width=max(2, round(0.07 * height)))
    if outfit.carried and not outfit.helmet:
        _draw_helmet(draw, figure.carried(), look)
    for number, hand in enumerate(figure.hands()):
        draw.ellipse(hand, fill=look.glove if number < outfit.gloves else look.skin)
    _draw_head(draw, figure, outfit, look)


def _draw_feet(draw: ImageDraw.ImageDraw, figure: PersonFigure, outfit: Outfit) -> None:
    for foot in figure.feet():
        left, top, right, bottom = foot
        draw.rounded_rectangle(foot, (bottom - top) / 2, fill=_SHOES if outfit.shoes else _TRAINERS)
        if outfit.shoes:
            draw.rectangle(
                (left + 0.1 * (right - left), (top + bottom) / 2, right - 0.1 * (right - left), bottom), fill=_CAP
            )


def _draw_vest(draw: ImageDraw.ImageDraw, figure: PersonFigure, look: Look) -> None:
    left, top, right, bottom = figure.torso()
    tall, wide = bottom - top, right - left
    draw.rounded_rectangle((left, top, right, bottom), 0.12 * tall, fill=look.vest)
    for down in (0.55, 0.8):
        draw.rectangle((left, top + down * tall, right, top + (down + 0.1) * tall), fill=(228, 228, 222))
    if not figure.sideways:
        for across in (0.2, 0.7):
            draw.rectangle(
                (left + across * wide, top, left + (across + 0.1) * wide, top + 0.55 * tall), fill=(228, 228, 222)
            )


def _draw_head(draw: ImageDraw.ImageDraw, figure: PersonFigure, outfit: Outfit, look: Look) -> None:
    bare = figure.head(helmet=False)
    draw.ellipse(bare, fill=look.hair)
    face = figure.face()
    if face is not None:
        draw.ellipse(face, fill=look.skin)
        if outfit.glasses:
            draw.rectangle(figure.glasses(), fill=look.lens)
        else:
            left, top, right, bottom = figure.glasses()
            for across in (0.3, 0.7):
                middle, size = left + across * (right - left), 0.25 * (bottom - top)
                eye = (middle - size, (top + bottom) / 2 - size, middle + size, (top + bottom) / 2 + size)
                draw.ellipse(eye, fill=(30, 26, 24))
    if outfit.helmet:
        _draw_helmet(draw, figure.head(helmet=True), look)


def _draw_helmet(draw: ImageDraw.ImageDraw, box: Edges, look: Look) -> None:
    left, top, right, bottom = box
    tall = bottom - top
    draw.pieslice((left, top, right, bottom + 0.8 * tall), 180, 360, fill=look.helmet)
    draw.rectangle((left, bottom - 0.2 * tall, right, bottom), fill=_darker(look.helmet))
