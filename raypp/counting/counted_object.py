"""Counted objects: where each lies, its class, and how large it is."""

from dataclasses import dataclass

from raypp.geometry.boxes import Edges


@dataclass(frozen=True)
class DetectedBox:
    """A box on an image, before it is known whether it counts.

    Attributes:
        class_id: its class.
        confidence: in (0, 1].
        edges: left, top, right and bottom, in pixels of the image.
    """

    class_id: int
    confidence: float
    edges: Edges


@dataclass(frozen=True)
class CountedObject:
    """A box that counts.

    Attributes:
        class_name: its class.
        confidence: in (0, 1].
        edges: left, top, right and bottom, in pixels of the image.
        diameter: diameter of the circle of its area, in the unit of the image's scale.
        aspect: longer over shorter side of its box.
        members: estimated number of members, for an agglomerate; else None.
    """

    class_name: str
    confidence: float
    edges: Edges
    diameter: float
    aspect: float
    members: int | None = None
