"""Bodies in an image: where body parts are, whether somebody nearer covers them, and bodies from heads and torsos."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from raypp.geometry.boxes import Edges
from raypp.usage.equipment import BodyPart

_EDGE = 0.004
"""A box so near to the image's edge is cut by it; widths of the image."""
_SQUAT = 2.2
"""Least height of a body over the width of its box, where the lower edge of the image cuts it."""
_HEAD_BODY = 7.3
"""Height of a body in heights of its head's box."""
_TORSO_ABOVE, _TORSO_BODY = 0.5, 2.9
"""How far a body reaches above its torso's box, and its height; heights of that box."""


class Body(NamedTuple):
    """A person's box, lengths in widths of the image.

    Attributes:
        left, top, right, bottom: edges.
        height: of the whole body, also where the image cuts it.
        cut_sides, cut_top, cut_bottom: whether the image's edge cuts it there.
        confidence: of the detection.
    """

    left: float
    top: float
    right: float
    bottom: float
    height: float
    cut_sides: bool
    cut_top: bool
    cut_bottom: bool
    confidence: float


@dataclass(frozen=True)
class PartShape:
    """Where a part of the body is: lengths in heights of the body, across from its middle, down from its top.

    Attributes:
        reach: furthest an item's middle may be across; and down, least and most.
        middles: where the part's middles are: one in the body's middle, or a pair as far to the left as to the right.
        size: root of the area of an item there.
        half: half the width and half the height of one of the part's regions.
        of_seen: size of an item over that of a box that shows the part.
    """

    reach: tuple[float, float, float]
    middles: tuple[tuple[float, float], ...]
    size: float
    half: tuple[float, float]
    of_seen: float


SHAPES = {
    BodyPart.HEAD: PartShape((0.25, -0.06, 0.26), ((0.0, 0.07),), 0.12, (0.065, 0.07), 1.0),
    BodyPart.EYES: PartShape((0.2, 0.0, 0.22), ((0.0, 0.08),), 0.052, (0.04, 0.03), 0.57),
    BodyPart.TORSO: PartShape((0.3, 0.1, 0.7), ((0.0, 0.33),), 0.28, (0.13, 0.17), 1.0),
    BodyPart.HANDS: PartShape((0.5, 0.2, 0.85), ((-0.2, 0.46), (0.2, 0.46)), 0.08, (0.04, 0.04), 1.0),
    BodyPart.FEET: PartShape((0.4, 0.8, 1.12), ((-0.08, 0.965), (0.08, 0.965)), 0.088, (0.055, 0.035), 1.0),
}
_COVER = ((0.13, 0.0, 0.16), (0.38, 0.15, 0.58), (0.29, 0.5, 1.0))
"""What a body covers, in shares of its box: head, trunk and legs, each as half width, top and bottom."""


def body_of(box: Edges, confidence: float, height: float) -> Body:
    """Make a body of a person's box.

    Args:
        box: in widths of the image.
        confidence: of the detection.
        height: of the image, in widths of it.
    """
    left, top, right, bottom = box
    cut_bottom = bottom >= height - _EDGE
    tall = max(bottom - top, _SQUAT * (right - left)) if cut_bottom else bottom - top
    cut_sides = left <= _EDGE or right >= 1 - _EDGE
    return Body(left, top, right, bottom, max(tall, 1e-6), cut_sides, top <= _EDGE, cut_bottom, confidence)


def bodies_from(
    heads: Sequence[tuple[Edges, float]], torsos: Sequence[tuple[Edges, float]], height: float
) -> list[Body]:
    """Make bodies of what is seen of heads; and of torsos that are no such body's.

    Args:
        heads: boxes with their confidence.
        torsos: likewise.
        height: of the image, in widths of it.
    """
    bodies: list[Body] = []
    for (left, top, right, bottom), confidence in _distinct(heads):
        middle, tall = (left + right) / 2, _HEAD_BODY * max(bottom - top, 0.7 * (right - left))
        bodies.append(_whole(middle, top, tall, confidence, height))
    for (left, top, right, bottom), confidence in _distinct(torsos):
        middle, tall = (left + right) / 2, bottom - top
        if not any(abs(offset(body, middle, (top + bottom) / 2)[0]) < 0.15 and body.top < bottom for body in bodies):
            bodies.append(_whole(middle, max(top - _TORSO_ABOVE * tall, 0.0), _TORSO_BODY * tall, confidence, height))
    return bodies


def offset(body: Body, x: float, y: float) -> tuple[float, float]:
    """Return where a point is: across from the body's middle and down from its top, in heights of the body."""
    return (x - (body.left + body.right) / 2) / body.height, (y - body.top) / body.height


def covered(body: Body, part: BodyPart, before: Sequence[Edges]) -> bool:
    """Say whether what is before a body covers half of one of a part's regions."""
    shape, middle = SHAPES[part], (body.left + body.right) / 2
    half_x, half_y = shape.half[0] * body.height, shape.half[1] * body.height
    for across, down in shape.middles:
        x, y = middle + across * body.height, body.top + down * body.height
        region = x - half_x, y - half_y, x + half_x, y + half_y
        if sum(_shared(region, edges) for edges in before) > 2 * half_x * half_y:
            return True
    return False


def covers(body: Body) -> list[Edges]:
    """Return what a body covers: head, trunk and legs."""
    width, tall, middle = body.right - body.left, body.bottom - body.top, (body.left + body.right) / 2
    return [
        (middle - half * width, body.top + top * tall, middle + half * width, body.top + bottom * tall)
        for half, top, bottom in _COVER
    ]


def is_cut(body: Body, part: BodyPart) -> bool:
    """Say whether the image's edge may cut a part of a body."""
    if part in (BodyPart.HEAD, BodyPart.EYES):
        return body.cut_top or body.cut_sides
    if part is BodyPart.FEET:
        return body.cut_bottom or body.cut_sides
    return body.cut_sides or (body.cut_bottom and body.bottom - body.top < 0.6 * body.height)


def _shared(some: Edges, other: Edges) -> float:
    across, down = min(some[2], other[2]) - max(some[0], other[0]), min(some[3], other[3]) - max(some[1], other[1])
    return across * down if across > 0 and down > 0 else 0.0


def _whole(middle: float, top: float, tall: float, confidence: float, height: float) -> Body:
    half = 0.2 * tall
    box = max(middle - half, 0.0), top, min(middle + half, 1.0), min(top + tall, height)
    return body_of(box, confidence, height)._replace(height=tall)


def _distinct(boxes: Sequence[tuple[Edges, float]]) -> list[tuple[Edges, float]]:
    """Leave out boxes whose middle lies in one that is kept: two classes may show one head."""
    kept: list[tuple[Edges, float]] = []
    for box, confidence in sorted(boxes, key=lambda entry: (-entry[1], entry[0])):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if not any(other[0] <= x <= other[2] and other[1] <= y <= other[3] for other, _ in kept):
            kept.append((box, confidence))
    return sorted(kept)
