"""Points in polygons, and how far boxes are apart."""

from collections.abc import Sequence

from raypp.geometry.boxes import Edges, Point

_SMALLEST = 1e-12


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


def polygons_overlap(some: Sequence[Point], other: Sequence[Point]) -> bool:
    """Say whether the insides of two polygons share a point; borders may touch."""
    if any(_cross(side, another) for side in _sides(some) for another in _sides(other)):
        return True
    return any(
        _well_inside(point, some) and _well_inside(point, other) for point in (*_samples(some), *_samples(other))
    )


def _sides(polygon: Sequence[Point]) -> list[tuple[Point, Point]]:
    return list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))


def _samples(polygon: Sequence[Point]) -> list[Point]:
    """Points of a polygon some of which lie inside of it: middles of three corners in a row, and near each corner."""
    threes = zip(polygon, (*polygon[1:], polygon[0]), (*polygon[2:], *polygon[:2]), strict=True)
    middles = [(sum(x for x, _ in three) / 3, sum(y for _, y in three) / 3) for three in threes]
    ways = zip((*polygon[1:], polygon[0]), middles, strict=True)
    return [*middles, *((x + (to_x - x) * 1e-3, y + (to_y - y) * 1e-3) for (x, y), (to_x, to_y) in ways)]


def _turn(start: Point, end: Point, point: Point) -> float:
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _cross(some: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two sides cross, not only touch."""
    return all(
        _turn(*first, second[0]) * _turn(*first, second[1]) < -_SMALLEST
        for first, second in ((some, other), (other, some))
    )


def _well_inside(point: Point, polygon: Sequence[Point]) -> bool:
    return inside(point, polygon) and all(abs(_turn(*side, point)) > _SMALLEST for side in _sides(polygon))
