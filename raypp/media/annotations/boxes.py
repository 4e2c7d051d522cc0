"""Labelled boxes: checked against their image, clipped to it, and of turned rectangles the upright hull."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from raypp.errors import LabelError
from raypp.geometry.boxes import Box, Edges

MOST_OVERSHOOT = 0.01
"""Part of the image by which a box may reach beyond it; it is clipped. More is taken for a mistake."""
_ROUNDING = 1e-3


@dataclass(frozen=True)
class LabelledShape:
    """A labelled region as a document has it: class name and edges, in the document's units."""

    name: str
    edges: Edges


@dataclass(frozen=True)
class ImageLabels:
    """Labels of one image.

    Attributes:
        boxes: the boxes, none for an image that was looked at and is empty.
        size: width and height, in pixels, that the labels' document says the image has; None where it says nothing.
        clipped: boxes that reached beyond the image, by more than rounding, and were clipped.
        repeated: rows left out because they say the same as another.
    """

    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] | None = None
    clipped: int = 0
    repeated: int = 0


def fit(edges: Edges, place: str, *, overshoot: float = MOST_OVERSHOOT) -> tuple[Edges, bool]:
    """Clip normalised edges to the image; returns them, and whether more than rounding was cut off.

    Args:
        edges: fractions of the image.
        place: file and line, for messages.
        overshoot: how far they may reach beyond the image.

    Raises:
        LabelError: if they are not finite, reach further, or leave no area.
    """
    shown = ", ".join(f"{edge:.4g}" for edge in edges)
    if not all(math.isfinite(edge) for edge in edges):
        raise LabelError(f"{place}: the box ({shown}) has an edge that is no number; correct the label")
    beyond = max(-min(edges), max(edges) - 1)
    if beyond > overshoot + 1e-9:
        raise LabelError(
            f"{place}: the box ({shown}) lies outside the image, whose edges are 0 and 1; correct the label"
        )
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in edges)
    if right <= left or bottom <= top:
        raise LabelError(f"{place}: the box ({shown}) has no area; correct or remove the label")
    return (left, top, right, bottom), beyond > _ROUNDING


def to_box(class_id: int, edges: Edges) -> Box:
    """Return normalised edges as centre, width and height."""
    left, top, right, bottom = edges
    return Box(class_id, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def from_centre(x: float, y: float, w: float, h: float) -> Edges:
    """Edges of centre, width and height."""
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def hull(coordinates: Sequence[float]) -> Edges:
    """Edges around points, given as x, y, x, y ..."""
    return min(coordinates[0::2]), min(coordinates[1::2]), max(coordinates[0::2]), max(coordinates[1::2])


def turned(edges: Edges, degrees: float, about: tuple[float, float]) -> Edges:
    """Return the upright hull of a rectangle turned clockwise, as the image is seen, about a point.

    Edges and point are in units that are as long in x as in y, such as pixels.
    """
    if not degrees % 360:
        return edges
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    left, top, right, bottom = edges
    corners: list[float] = []
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        across, down = x - about[0], y - about[1]
        corners += (about[0] + across * cosine - down * sine, about[1] + across * sine + down * cosine)
    return hull(corners)


def image_labels(
    shapes: Sequence[LabelledShape],
    extent: tuple[float, float],
    numbers: dict[str, int],
    place: str,
    size: tuple[int, int] | None = None,
) -> ImageLabels:
    """Make labels of a document's shapes.

    Args:
        shapes: in units of which the image has `extent`.
        extent: width and height of the image.
        numbers: class ids by name.
        place: document and image, for messages.
        size: width and height of the image in pixels, where the document gives them.

    Raises:
        LabelError: if a shape does not fit the image.
    """
    width, height = extent
    boxes: dict[Box, None] = {}
    clipped = 0
    for number, shape in enumerate(shapes, 1):
        left, top, right, bottom = shape.edges
        where = f"{place}: label {number} ({shape.name})"
        edges, cut = fit((left / width, top / height, right / width, bottom / height), where)
        clipped += cut
        boxes[to_box(numbers[shape.name], edges)] = None
    return ImageLabels(tuple(boxes), size, clipped, len(shapes) - len(boxes))
