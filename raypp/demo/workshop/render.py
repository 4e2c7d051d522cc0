"""Rendering one camera: images moment by moment, with the exact box of what is visible of each tool."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from raypp.demo.workshop.scene import Light
from raypp.demo.workshop.script import Pose, Script
from raypp.demo.workshop.tools import BENCH_CLASSES, Tool

_LEAST_VISIBLE = 0.25
_SHUTTER_S = 0.03
_ARM_PIXELS = 420
_TURN_STEP = 2  # degrees; turned sprites are cached at this step


@dataclass(frozen=True)
class Visible:
    """The visible part of something: its class, and a tight box in pixels (left, top, right, bottom)."""

    class_id: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class _Placed:
    """A turned sprite at its place: RGBA, left, top."""

    image: Image.Image
    left: int
    top: int


class Camera:
    """Renders what one camera sees.

    Args:
        bench: the background.
        tools: the tools on it.
        script: where they are when.
        light: the camera's light.
        generator: chooses gloves and skin.
    """

    classes: tuple[str, ...] = BENCH_CLASSES

    def __init__(
        self, bench: Image.Image, tools: list[Tool], script: Script, light: Light, generator: np.random.Generator
    ) -> None:
        self._bench = bench
        self._tools = tools
        self._script = script
        self._light = light
        self._arm = _arm(generator)
        self._turned: dict[tuple[int, int], tuple[Image.Image, float, float]] = {}
        self._still: tuple[object, Image.Image] | None = None

    def image(self, index: int, time_s: float) -> tuple[npt.NDArray[np.uint8], list[Visible]]:
        """Render a moment.

        Args:
            index: number of the frame, which picks its noise.
            time_s: presentation time in seconds.

        Returns:
            uint8[H, W, 3] and what is visible of each tool.
        """
        lying = self._lying(time_s)
        resting = tuple(self._script.resting(number, time_s) for number in range(len(self._tools)))
        frame = self._still_image(resting, lying).copy()
        early, late = self._moving(time_s - _SHUTTER_S), self._moving(time_s)
        if early or late:
            blurred = frame.copy()
            self._paste(frame, early)
            self._paste(blurred, late)
            frame = Image.blend(frame, blurred, 0.5)
        layers = list(lying.items()) + late
        return self._light.apply(np.asarray(frame), index, time_s), self._visible(layers, frame.size)

    def visible(self, time_s: float) -> list[Visible]:
        """Return what is visible of each tool at a moment, without rendering it.

        Args:
            time_s: presentation time in seconds.
        """
        return self._visible(list(self._lying(time_s).items()) + self._moving(time_s), self._bench.size)

    def _lying(self, time_s: float) -> dict[int, _Placed]:
        resting = [self._script.resting(number, time_s) for number in range(len(self._tools))]
        return {number: self._place_tool(number, pose) for number, pose in enumerate(resting) if pose is not None}

    def _still_image(self, key: object, lying: dict[int, _Placed]) -> Image.Image:
        if self._still is None or self._still[0] != key:
            image = self._bench.copy()
            for placed in lying.values():
                _shadow(image, placed)
                image.paste(placed.image, (placed.left, placed.top), placed.image)
            self._still = (key, image)
        return self._still[1]

    def _moving(self, time_s: float) -> list[tuple[int, _Placed]]:
        """Tools in hands with the hands over them, bottom first; a hand has number -1."""
        layers: list[tuple[int, _Placed]] = []
        for use in self._script.uses:
            hand = use.hand(time_s)
            if hand is None:
                continue
            if use.start_s <= time_s <= use.end_s:
                layers.append((use.instance, self._place_tool(use.instance, use.pose(time_s))))
            angle = math.degrees(math.atan2(-(use.entry[1] + 200 - hand[1]), use.entry[0] - hand[0]))
            layers.append((-1, self._place(-1, hand, angle)))
        return layers

    def _place_tool(self, number: int, pose: Pose) -> _Placed:
        return self._place(number, (pose.x, pose.y), pose.angle)

    def _place(self, number: int, at: tuple[float, float], angle: float) -> _Placed:
        step = round(angle / _TURN_STEP) % (360 // _TURN_STEP)
        if (number, step) not in self._turned:
            sprite, anchor = self._arm if number < 0 else (self._tools[number].sprite, self._tools[number].anchor)
            self._turned[number, step] = _turn(sprite, anchor, step * _TURN_STEP)
        image, x, y = self._turned[number, step]
        return _Placed(image, round(at[0] - x), round(at[1] - y))

    @staticmethod
    def _paste(image: Image.Image, layers: list[tuple[int, _Placed]]) -> None:
        for _, placed in layers:
            image.paste(placed.image, (placed.left, placed.top), placed.image)

    def _visible(self, layers: list[tuple[int, _Placed]], size: tuple[int, int]) -> list[Visible]:
        """Boxes of what later layers and the borders leave of each tool; too little is nothing."""
        width, height = size
        visible = []
        for order, (number, placed) in enumerate(layers):
            if number < 0:
                continue
            alpha = _alpha(placed)
            whole = int(alpha.sum())
            rows, columns = alpha.shape
            for _, above in layers[order + 1 :]:
                _hide(alpha, placed, above)
            inside = np.zeros_like(alpha)
            left, top = max(0, -placed.left), max(0, -placed.top)
            right, bottom = min(columns, max(0, width - placed.left)), min(rows, max(0, height - placed.top))
            inside[top:bottom, left:right] = alpha[top:bottom, left:right]
            if inside.sum() < max(1.0, _LEAST_VISIBLE * whole):
                continue
            ys, xs = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            box = (
                placed.left + int(xs[0]),
                placed.top + int(ys[0]),
                placed.left + int(xs[-1]) + 1,
                placed.top + int(ys[-1]) + 1,
            )
            visible.append(Visible(self._tools[number].class_id, box))
        return visible


def _alpha(placed: _Placed) -> npt.NDArray[np.bool_]:
    return np.asarray(placed.image.getchannel("A")) > 127


def _hide(alpha: npt.NDArray[np.bool_], placed: _Placed, above: _Placed) -> None:
    """Take away from a tool's mask what a layer above covers."""
    left, top = max(placed.left, above.left), max(placed.top, above.top)
    right = min(placed.left + placed.image.width, above.left + above.image.width)
    bottom = min(placed.top + placed.image.height, above.top + above.image.height)
    if left >= right or top >= bottom:
        return
    cover = _alpha(above)[top - above.top : bottom - above.top, left - above.left : right - above.left]
    alpha[top - placed.top : bottom - placed.top, left - placed.left : right - placed.left] &= ~cover


def _turn(sprite: Image.Image, anchor: tuple[float, float], degrees: float) -> tuple[Image.Image, float, float]:
    """Turn a sprite counter-clockwise about its anchor; gives it cropped, with the anchor's place in it."""
    centre_x, centre_y = sprite.width / 2, sprite.height / 2
    turned = sprite.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    along = math.radians(degrees)
    dx, dy = anchor[0] - centre_x, anchor[1] - centre_y
    x = turned.width / 2 + dx * math.cos(along) + dy * math.sin(along)
    y = turned.height / 2 - dx * math.sin(along) + dy * math.cos(along)
    box = turned.getchannel("A").getbbox() or (0, 0, *turned.size)
    return turned.crop(box), x - box[0], y - box[1]


def _shadow(image: Image.Image, placed: _Placed) -> None:
    """Darken the bench beside a lying tool."""
    size = (placed.image.width + 12, placed.image.height + 12)
    mask = Image.new("L", size)
    mask.paste(placed.image.getchannel("A").point(lambda value: value * 0.45), (6, 6))
    mask = mask.filter(ImageFilter.GaussianBlur(3))
    image.paste((12, 10, 8), (placed.left - 2, placed.top - 1), mask)


def _arm(generator: np.random.Generator) -> tuple[Image.Image, tuple[float, float]]:
    """Draw a forearm along +x with a closed hand at its left end; gives it with the grip's place."""
    scale = 2
    skin = [(224, 178, 144), (186, 132, 96), (118, 78, 54), (240, 200, 60), (60, 70, 90), (90, 130, 70)]
    sleeve = tuple(int(c) for c in generator.integers(30, 170, 3))
    hand = skin[int(generator.integers(len(skin)))]
    dark = tuple(int(c * 0.8) for c in hand)
    image = Image.new("RGBA", (_ARM_PIXELS * scale, 90 * scale))
    draw = ImageDraw.Draw(image)
    middle = 45 * scale
    draw.line([(60 * scale, middle), (_ARM_PIXELS * scale, middle)], fill=(*hand, 255), width=30 * scale)
    draw.line([(130 * scale, middle), (_ARM_PIXELS * scale, middle)], fill=(*sleeve, 255), width=42 * scale)
    draw.ellipse([18 * scale, middle - 21 * scale, 72 * scale, middle + 21 * scale], fill=(*hand, 255))
    for finger in range(4):
        y = middle + (finger * 10 - 17) * scale
        draw.rounded_rectangle(
            [10 * scale, y, 34 * scale, y + 8 * scale], 4 * scale, fill=(*hand, 255), outline=(*dark, 255)
        )
    small = image.resize((_ARM_PIXELS, 90), Image.Resampling.BOX)
    return small, (26.0, 45.0)
