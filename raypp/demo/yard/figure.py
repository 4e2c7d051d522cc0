"""The figure of a person: where body parts and items are in an image, by height and facing."""

from dataclasses import dataclass
from enum import Enum

from raypp.geometry.boxes import Edges

WIDTH, HEIGHT = 1280, 720
"""Size of the yard's images, in pixels."""
CELL = 8
"""Side of a cell of the veil, in pixels of the image."""
CLASSES = (
    "person", "face", "helmet", "no_helmet", "vest", "no_vest", "glasses", "glove", "bare_hand", "safety_shoe",
)  # fmt: skip


class Facing(Enum):
    """Where a person looks, as the camera sees it."""

    FRONT = "front"
    BACK = "back"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class Outfit:
    """Items that a person wears at a moment.

    Attributes:
        helmet, vest, glasses, shoes: whether worn.
        gloves: how many, 0 to 2.
        carried: whether a helmet that is not worn is in a hand.
    """

    helmet: bool
    vest: bool
    glasses: bool
    shoes: bool
    gloves: int
    carried: bool


@dataclass(frozen=True)
class PersonFigure:
    """A person at a moment.

    Attributes:
        x, y: middle between the feet, in pixels.
        height: in pixels.
        facing: where the person looks.
    """

    x: float
    y: float
    height: float
    facing: Facing

    @property
    def sideways(self) -> int:
        """-1 or 1 where the person looks to a side, 0 else."""
        return {Facing.LEFT: -1, Facing.RIGHT: 1}.get(self.facing, 0)

    def body(self) -> Edges:
        """Return the box of the whole person."""
        half = 0.17 if self.sideways else 0.245
        return self._box(0, half, 0.0, 1.0)

    def silhouette(self) -> tuple[Edges, ...]:
        """Return what of the image the person covers: head, trunk with arms, legs."""
        trunk, legs = (0.12, 0.12) if self.sideways else (0.22, 0.14)
        return self._box(0, 0.065, 0, 0.15), self._box(0, trunk, 0.15, 0.55), self._box(0, legs, 0.5, 1.0)

    def head(self, *, helmet: bool) -> Edges:
        """Return the box of the helmet, or of the bare head."""
        return self._box(0, 0.075, 0, 0.09) if helmet else self._box(0, 0.065, 0, 0.14)

    def face(self) -> Edges | None:
        """Return the box of the face; None where it is turned away."""
        if self.facing is Facing.BACK:
            return None
        return self._box(0.025 * self.sideways, 0.035 if self.sideways else 0.05, 0.05, 0.14)

    def glasses(self) -> Edges:
        """Return the box of glasses before the eyes."""
        return self._box(0.025 * self.sideways, 0.035 if self.sideways else 0.045, 0.06, 0.09)

    def torso(self) -> Edges:
        """Return the box of a vest."""
        return self._box(0, 0.09 if self.sideways else 0.14, 0.16, 0.5)

    def hands(self) -> tuple[Edges, ...]:
        """Return the boxes of the hands: the body hides one of a person seen from the side."""
        if self.sideways:
            return (self._box(0.08 * self.sideways, 0.04, 0.42, 0.5),)
        return self._box(-0.2, 0.04, 0.42, 0.5), self._box(0.2, 0.04, 0.42, 0.5)

    def feet(self) -> tuple[Edges, Edges]:
        """Return the boxes of the feet."""
        apart = 0.1 if self.sideways else 0.075
        return self._box(-apart, 0.055, 0.93, 1.0), self._box(apart, 0.055, 0.93, 1.0)

    def carried(self) -> Edges:
        """Return the box of a helmet in a hand."""
        return self._box(0.08 * (self.sideways or 2.5), 0.075, 0.46, 0.55)

    def _box(self, across: float, half: float, top: float, bottom: float) -> Edges:
        """A box by shares of the height: its middle from the person's, half its width, top and bottom from above."""
        x, above = self.x + across * self.height, self.y - self.height
        return (
            x - half * self.height,
            above + top * self.height,
            x + half * self.height,
            above + bottom * self.height,
        )
