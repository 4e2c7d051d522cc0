"""What does not move: the bench, its clutter, and the light of one camera."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

NOISES = 6

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """The light of one camera.

    Attributes:
        gain: float32[H, W, 3], colour temperature, brightness and vignette.
        flicker: depth of slow changes.
        period_s: how slow they are.
        noise: float32[tiles, H, W, 1], the camera's noise.
    """

    gain: Floats
    flicker: float
    period_s: float
    noise: Floats

    def apply(self, image: npt.NDArray[np.uint8], index: int, time_s: float) -> npt.NDArray[np.uint8]:
        """Light an image, uint8[H, W, 3], and add the noise of its moment."""
        level = 1 + self.flicker * math.sin(2 * math.pi * time_s / self.period_s)
        lit = image * (self.gain * np.float32(level))
        lit += self.noise[index % len(self.noise)]
        np.clip(lit, 0, 255, out=lit)
        return lit.astype(np.uint8)


def make_light(size: tuple[int, int], generator: np.random.Generator, noises: int = NOISES) -> Light:
    """Make the light of a camera: from warm and dim to cold and bright.

    Args:
        size: width and height in pixels.
        generator: chooses everything.
        noises: number of images of noise, which frames take in turn; drawing them takes most of the time.
    """
    width, height = size
    warmth = float(generator.uniform(-0.16, 0.16))
    level = float(generator.uniform(0.72, 1.12))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    centre_x, centre_y = width * generator.uniform(0.3, 0.7), height * generator.uniform(0.2, 0.6)
    away = ((x - centre_x) / width) ** 2 + ((y - centre_y) / height) ** 2
    shade = 1.08 - float(generator.uniform(0.35, 0.75)) * away
    gain = level * shade[:, :, None] * np.array([1 + warmth, 1.0, 1 - warmth], dtype=np.float32)
    strength = float(generator.uniform(2.0, 5.0))
    noise = generator.normal(0, strength, (noises, height, width, 1)).astype(np.float32)
    return Light(gain.astype(np.float32), float(generator.uniform(0.01, 0.06)), float(generator.uniform(5, 20)), noise)


def make_bench(size: tuple[int, int], generator: np.random.Generator) -> Image.Image:
    """Draw a bench of wood, steel or rubber with a rack, and clutter on it."""
    height = size[1]
    kind = int(generator.integers(3))
    base = np.array([(150, 110, 70), (132, 138, 144), (70, 84, 78)][kind]) + generator.uniform(-22, 22, 3)
    grain = _smooth(generator, size, (3, 60) if kind == 0 else (30, 6) if kind == 1 else (5, 5))
    coarse = _smooth(generator, size, (90, 90))
    surface = base + 18 * grain[:, :, None] + 20 * coarse[:, :, None]
    if kind == 0:
        planks = (np.arange(height) // int(height / 4) % 2)[:, None, None] * 8
        surface = surface - planks
    image = Image.fromarray(np.clip(surface, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(generator.integers(9, 16))):
        _clutter(draw, size, generator)
    return image.filter(ImageFilter.GaussianBlur(0.6))


def _clutter(draw: ImageDraw.ImageDraw, size: tuple[int, int], generator: np.random.Generator) -> None:
    """Draw one thing that is no tool: bolt, box, cup, cloth, pencil or stain."""
    width, height = size
    x, y = float(generator.uniform(0, width)), float(generator.uniform(0, height))
    colour = tuple(int(c) for c in generator.integers(30, 230, 3))
    kind = int(generator.integers(6))
    extent = float(generator.uniform(10, 30))
    if kind == 0:
        draw.regular_polygon((x, y, extent / 3), 6, fill=(150, 150, 155), outline=(80, 80, 85))
    elif kind == 1:
        draw.rectangle([x, y, x + 1.6 * extent, y + extent], fill=colour, outline=(40, 40, 40))
    elif kind == 2:
        draw.ellipse([x, y, x + 1.4 * extent, y + 1.4 * extent], fill=colour, outline=(30, 30, 30), width=2)
        draw.ellipse([x + 5, y + 5, x + 1.4 * extent - 5, y + 1.4 * extent - 5], fill=(50, 35, 25))
    elif kind == 3:
        points = [
            (
                x + 2 * extent * math.cos(a) * generator.uniform(0.5, 1),
                y + extent * math.sin(a) * generator.uniform(0.5, 1),
            )
            for a in np.linspace(0, 2 * math.pi, 9)[:-1]
        ]
        draw.polygon(points, fill=colour)
    elif kind == 4:
        angle = float(generator.uniform(0, math.pi))
        draw.line([x, y, x + 3 * extent * math.cos(angle), y + 3 * extent * math.sin(angle)], fill=colour, width=4)
    else:
        shade = int(generator.integers(40, 90))
        draw.ellipse([x, y, x + 2 * extent, y + extent], fill=(shade, shade - 8, shade - 16))


def _smooth(generator: np.random.Generator, size: tuple[int, int], scale: tuple[int, int]) -> Floats:
    """Noise of a given scale across and along, in about [-1, 1]: float32[H, W]."""
    width, height = size
    coarse = generator.normal(0, 0.5, (max(2, height // scale[0]), max(2, width // scale[1]))).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
