"""A micrograph in transmitted light: translucent particles on a shaded ground, blurred, with the sensor's noise."""

import cv2
import numpy as np
import numpy.typing as npt

from raypp.demo.micrographs.specimen import Artefact, ArtefactKind, Particle, Specimen

_FINER = 2
"""Drawn in so many pixels each way for one of the image, which smooths edges."""
_RIM_PX = 1.6
_SHIFT = 4

_Light = npt.NDArray[np.float32]


def draw_micrograph(
    specimen: Specimen, size: tuple[int, int], generator: np.random.Generator, blur_px: float | None = None
) -> npt.NDArray[np.uint8]:
    """Draw what a microscope sees of a specimen.

    Args:
        specimen: what lies there.
        size: width and height, in pixels.
        generator: chooses light, focus and noise.
        blur_px: standard deviation of the blur, in pixels; None for that of an image in focus, 0.5 to 1.1.

    Returns:
        uint8[H, W], grey.
    """
    width, height = size
    light = np.ones((_FINER * height, _FINER * width), dtype=np.float32)
    for artefact in specimen.artefacts:
        _draw_artefact(light, artefact)
    for particle in specimen.particles:
        _draw_particle(light, particle, generator)
    image = cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA) * _ground(size, generator)
    sigma = float(generator.uniform(0.5, 1.1)) if blur_px is None else blur_px
    blurred = cv2.GaussianBlur(image, (0, 0), sigma)
    noisy = blurred + generator.normal(0, generator.uniform(1.5, 5), blurred.shape)
    return np.asarray(np.rint(noisy).clip(0, 255), dtype=np.uint8)


def _ground(size: tuple[int, int], generator: np.random.Generator) -> _Light:
    """Draw uneven light: brighter about a point, falling off towards the edges."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    centre = generator.uniform(0.2, 0.8, 2)
    away = ((columns / width - centre[0]) ** 2 + (rows / height - centre[1]) ** 2) / 0.5
    level, fall = generator.uniform(165, 215), generator.uniform(0.08, 0.35)
    waves = cv2.resize(generator.normal(0, 0.02, (5, 6)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(level * (1 - fall * away + waves), dtype=np.float32)


class _Part:
    """The part of an image about a shape, and where points of the image lie in it."""

    def __init__(self, light: _Light, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> None:
        limits = light.shape[::-1]
        left, top = np.floor(_FINER * (low - 4)).astype(int).clip(0, limits)
        right, bottom = np.ceil(_FINER * (high + 4)).astype(int).clip(0, limits)
        self.light = light[top:bottom, left:right]
        self._corner = np.array([left, top])

    def __bool__(self) -> bool:
        return self.light.size > 0

    def mask(self) -> npt.NDArray[np.uint8]:
        return np.zeros(self.light.shape, dtype=np.uint8)

    def place(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        return np.asarray(np.rint((points * _FINER - self._corner) * (1 << _SHIFT)), dtype=np.int32)


def _draw_particle(light: _Light, particle: Particle, generator: np.random.Generator) -> None:
    for polygon, opacity in zip(particle.polygons, particle.opacity, strict=True):
        part = _Part(light, polygon.min(axis=0), polygon.max(axis=0))
        edges = part.place(polygon)
        body, rim, facets = part.mask(), part.mask(), part.mask()
        cv2.fillPoly(body, [edges], (255,), cv2.LINE_AA, _SHIFT)
        cv2.polylines(rim, [edges], True, (255,), max(1, round(_FINER * _RIM_PX)), cv2.LINE_AA, _SHIFT)
        inner = polygon.mean(axis=0) + generator.uniform(0.35, 0.6) * (polygon - polygon.mean(axis=0))
        cv2.polylines(facets, [part.place(inner)], True, (255,), _FINER, cv2.LINE_AA, _SHIFT)
        slope = np.linspace(0.75, 1.25, part.light.shape[1], dtype=np.float32)[None]
        part.light *= 1 - opacity * slope * (body / np.float32(255))
        part.light *= 1 - 1.1 * opacity * (rim / np.float32(255))
        part.light *= 1 + 0.45 * opacity * (facets / np.float32(255))


def _draw_artefact(light: _Light, artefact: Artefact) -> None:
    left, top, right, bottom = artefact.box
    part = _Part(light, np.array([left, top]), np.array([right, bottom]))
    if not part:
        return
    mask, points = part.mask(), part.place(artefact.points)
    if artefact.kind is ArtefactKind.DUST:
        cv2.fillPoly(mask, [points], (255,), cv2.LINE_AA, _SHIFT)
    elif artefact.kind is ArtefactKind.FIBRE:
        cv2.polylines(mask, [points], False, (255,), max(1, round(_FINER * artefact.width)), cv2.LINE_AA, _SHIFT)
    else:
        x, y = points[0].tolist()
        radius = round(artefact.width * _FINER * (1 << _SHIFT))
        spot = part.mask()
        cv2.circle(mask, (x, y), radius, (255,), max(2, round(_FINER * 0.16 * artefact.width)), cv2.LINE_AA, _SHIFT)
        cv2.circle(spot, (x, y), round(0.3 * radius), (255,), cv2.FILLED, cv2.LINE_AA, _SHIFT)
        part.light *= 1 + 0.18 * (spot / np.float32(255))
    part.light *= 1 - artefact.strength * (mask / np.float32(255))
