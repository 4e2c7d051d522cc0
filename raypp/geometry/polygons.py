"""Points in polygons, and how far boxes are apart."""

from collections.abc import Sequence

from raypp.geometry.boxes import Edges, Point


def inside(point: Point, polygon: Sequence[Point]) -> bool:
    """Say whether a point lies in a polygon: whether a ray to its right crosses the border an odd number of times."""
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            odd = not odd
    return odd


def apart(first: Edges, second: Edges) -> float:
    """Return how far two boxes are apart: the greater of the gaps across and along, 0 where they touch or overlap."""
    across = max(first[0] - second[2], second[0] - first[2], 0.0)
    along = max(first[1] - second[3], second[1] - first[3], 0.0)
    return max(across, along)
