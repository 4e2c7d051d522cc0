"""What lies in a field of view: crystals, agglomerates of them, and artefacts that are none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial

import cv2
import numpy as np
import numpy.typing as npt

CRYSTAL, AGGLOMERATE = "crystal", "agglomerate"
CLASSES = CRYSTAL, AGGLOMERATE

_SMALLEST_PX, _MEDIAN_PX, _LARGEST_PX, _SPREAD = 16.0, 32.0, 76.0, 0.32
"""Equivalent diameters: log-normal about the median, cut off at both ends."""
_MOST_ASPECT = 1.7
_CORNERS = (5, 9)
_MEMBERS = (3, 7)
_SUB_PIXELS = 4

Polygon = npt.NDArray[np.float64]


class ArtefactKind(StrEnum):
    """Name what is no crystal."""

    BUBBLE = "bubble"
    DUST = "dust"
    FIBRE = "fibre"


@dataclass(frozen=True)
class Particle:
    """A crystal, or several that have grown together.

    Attributes:
        polygons: outline of each crystal, float[N, 2], pixels of the image.
        opacity: how much light each takes away, in [0, 1].
    """

    polygons: tuple[Polygon, ...]
    opacity: tuple[float, ...]

    @property
    def class_id(self) -> int:
        """Index of its class."""
        return int(len(self.polygons) > 1)

    @property
    def members(self) -> int:
        """Number of its crystals."""
        return len(self.polygons)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, in pixels."""
        corners = np.concatenate(self.polygons)
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @cached_property
    def area_px(self) -> float:
        """Area of its outline, in square pixels; an agglomerate's crystals cover one another."""
        if len(self.polygons) == 1:
            return float(cv2.contourArea(self.polygons[0].astype(np.float32)))
        left, top, right, bottom = self.box
        shape = int(_SUB_PIXELS * (bottom - top)) + 2, int(_SUB_PIXELS * (right - left)) + 2
        mask = np.zeros(shape, dtype=np.uint8)
        for polygon in self.polygons:
            moved = np.rint(_SUB_PIXELS * (polygon - (left, top))).astype(np.int32)
            cv2.fillPoly(mask, [moved], (1,))
        return float(mask.sum()) / _SUB_PIXELS**2

    @cached_property
    def feret_px(self) -> tuple[float, float]:
        """Smallest and largest distance of two parallel tangents, in pixels."""
        hull = cv2.convexHull(np.concatenate(self.polygons).astype(np.float32)).reshape(-1, 2)
        angles = np.linspace(0, np.pi, 180, endpoint=False)
        along = hull @ np.stack([np.cos(angles), np.sin(angles)])
        widths = along.max(axis=0) - along.min(axis=0)
        return float(widths.min()), float(widths.max())


@dataclass(frozen=True)
class Artefact:
    """A thing that somebody may take for a crystal.

    Attributes:
        kind: what it is.
        points: float[N, 2]: a bubble's centre, a piece of dust's outline, a fibre's path; in pixels.
        width: a bubble's radius, or a fibre's width, in pixels.
        strength: how much light it takes away, in [0, 1].
    """

    kind: ArtefactKind
    points: Polygon
    width: float
    strength: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, in pixels."""
        reach = self.width if self.kind is ArtefactKind.BUBBLE else self.width / 2
        (left, top), (right, bottom) = self.points.min(axis=0) - reach, self.points.max(axis=0) + reach
        return float(left), float(top), float(right), float(bottom)


@dataclass(frozen=True)
class Specimen:
    """Hold the particles and artefacts in one field of view."""

    particles: tuple[Particle, ...]
    artefacts: tuple[Artefact, ...]


def draw_specimen(size: tuple[int, int], density: float, generator: np.random.Generator) -> Specimen:
    """Choose what lies in a field of view.

    Args:
        size: width and height, in pixels.
        density: particles relative to about 24 in 640x480 pixels, above 0.
        generator: where chance comes from.
    """
    share = density * size[0] * size[1] / (640 * 480)
    agglomerates = max(1, round(share * generator.integers(2, 7)))
    crystals = max(1, round(share * generator.integers(14, 27)))
    particles: list[Particle] = []
    for is_agglomerate in (True,) * agglomerates + (False,) * crystals:
        draw = partial(_draw_agglomerate if is_agglomerate else _draw_crystal, size, generator)
        particle = _placed(draw, particles, size)
        if particle is not None:
            particles.append(particle)
    return Specimen(tuple(particles), tuple(_draw_artefacts(size, share, generator)))


def _placed(draw: Callable[[], Particle], particles: list[Particle], size: tuple[int, int]) -> Particle | None:
    """Draw until it lies within the image and leaves the others to be seen."""
    for _ in range(60):
        particle = draw()
        left, top, right, bottom = particle.box
        within = left >= 1 and top >= 1 and right <= size[0] - 1 and bottom <= size[1] - 1
        if within and all(_covered(particle, other) for other in particles):
            return particle
    return None


def _covered(particle: Particle, other: Particle) -> bool:
    """Whether two boxes overlap no more than crystals that can be told apart do."""
    first, second = particle.box, other.box
    across = min(first[2], second[2]) - max(first[0], second[0])
    along = min(first[3], second[3]) - max(first[1], second[1])
    if across <= 0 or along <= 0:
        return True
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    most = 0.35 if particle.members == other.members == 1 else 0.1
    return across * along <= most * smaller


def _diameter(generator: np.random.Generator) -> float:
    while True:
        diameter = _MEDIAN_PX * float(np.exp(_SPREAD * generator.standard_normal()))
        if _SMALLEST_PX <= diameter <= _LARGEST_PX:
            return diameter


def _outline(centre: Polygon, diameter: float, generator: np.random.Generator) -> Polygon:
    """Draw a convex polygon of an area given by its equivalent diameter."""
    corners = int(generator.integers(*_CORNERS))
    angles = 2 * np.pi * (np.arange(corners) + generator.uniform(-0.28, 0.28, corners)) / corners
    aspect = float(generator.uniform(1, _MOST_ASPECT))
    ellipse = np.stack([np.cos(angles) * np.sqrt(aspect), np.sin(angles) / np.sqrt(aspect)], axis=1)
    turn = generator.uniform(0, np.pi)
    turned = ellipse @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    area = float(cv2.contourArea(turned.astype(np.float32)))
    return np.asarray(centre + turned * np.sqrt(np.pi * (diameter / 2) ** 2 / area), dtype=np.float64)


def _draw_crystal(size: tuple[int, int], generator: np.random.Generator) -> Particle:
    centre = generator.uniform((0, 0), size)
    return Particle((_outline(centre, _diameter(generator), generator),), (float(generator.uniform(0.12, 0.34)),))


def _draw_agglomerate(size: tuple[int, int], generator: np.random.Generator) -> Particle:
    """Grow crystals onto one another, each half into one that is there."""
    members = int(generator.integers(*_MEMBERS))
    diameters = [0.85 * _diameter(generator) for _ in range(members)]
    centres = [generator.uniform((0, 0), size)]
    for number in range(1, members):
        parent = int(generator.integers(number))
        angle = generator.uniform(0, 2 * np.pi)
        reach = 0.27 * (diameters[parent] + diameters[number])
        centres.append(centres[parent] + reach * np.array([np.cos(angle), np.sin(angle)]))
    polygons = tuple(_outline(centre, diameter, generator) for centre, diameter in zip(centres, diameters, strict=True))
    return Particle(polygons, tuple(generator.uniform(0.16, 0.34, members).tolist()))


def _draw_artefacts(size: tuple[int, int], share: float, generator: np.random.Generator) -> Iterator[Artefact]:
    for _ in range(round(share * generator.integers(1, 6))):
        centre = generator.uniform((0, 0), size)[None]
        yield Artefact(ArtefactKind.BUBBLE, centre, float(generator.uniform(6, 26)), float(generator.uniform(0.3, 0.6)))
    for _ in range(round(share * generator.integers(4, 14))):
        angles = np.sort(generator.uniform(0, 2 * np.pi, 7))
        radii = generator.uniform(0.8, 3.6) * generator.uniform(0.5, 1.2, 7)
        blob = generator.uniform((0, 0), size) + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        yield Artefact(ArtefactKind.DUST, blob, 1.0, float(generator.uniform(0.4, 0.8)))
    for _ in range(round(share * generator.integers(0, 4))):
        steps = np.cumsum(generator.normal(0, 0.35, 14)) * 0.5 + generator.uniform(0, 2 * np.pi)
        path = np.cumsum(12 * np.stack([np.cos(steps), np.sin(steps)], axis=1), axis=0)
        start = generator.uniform((0, 0), size)
        yield Artefact(
            ArtefactKind.FIBRE, start + path, float(generator.uniform(1, 2.6)), float(generator.uniform(0.25, 0.55))
        )
