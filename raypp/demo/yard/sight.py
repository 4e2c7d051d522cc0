"""What a perfect detector finds on one frame of a yard, and what can be told of each person there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.demo.yard.figure import CELL, CLASSES, HEIGHT, WIDTH, Outfit, PersonFigure
from raypp.geometry.boxes import Edges
from raypp.usage.observation import Detection

ITEMS = ("helmet", "vest", "glasses", "gloves", "shoes")
SMALLEST = {"helmet": 2.0, "vest": 2.0, "glasses": 1.5, "gloves": 1.5, "shoes": 1.5}
"""Cells that an item has to span before anything is said of it: the root of its area."""
_SINGLE = ("helmet", "helmet", "no_helmet"), ("vest", "vest", "no_vest"), ("glasses", "glasses", "eyes")
"""Items of which a person wears one, with what is seen where it is worn and where it is not."""
_SEEN_PART = 0.5
"""Share of a body part that has to be seen."""
_SEEN_PERSON = 0.3
"""Share of a person that has to be seen, or the head."""
_GRID = np.stack(np.meshgrid((np.arange(5) + 0.5) / 5, (np.arange(5) + 0.5) / 5), axis=-1).reshape(-1, 2)


@dataclass(frozen=True)
class SeenPerson:
    """The truth about one person on one frame.

    Attributes:
        number: of the person in the script.
        feet: middle between the feet, fractions of the image.
        box: of the whole person within the image, fractions; None where too little is seen.
        states: for each item "worn", "not_worn", or why it cannot be told: "too_small", "hidden", "cut", "turned_away".
    """

    number: int
    feet: tuple[float, float]
    box: Edges | None
    states: tuple[str, ...]


class Scene:
    """One frame of a yard.

    Args:
        people: number in the script, figure and outfit of each person.
        cell: side of a cell of the veil, in pixels of the yard.
    """

    def __init__(self, people: Sequence[tuple[int, PersonFigure, Outfit]], cell: int = CELL) -> None:
        self._cell = cell
        self._people = sorted(people, key=lambda person: (person[1].y, person[0]))  # the farthest first
        self._covers = [np.array(figure.silhouette()) for _, figure, _ in self._people]
        self.detections: list[Detection] = []
        self.seen: list[SeenPerson] = []
        for place in range(len(self._people)):
            self._look(place)

    def _look(self, place: int) -> None:
        number, figure, outfit = self._people[place]
        body = figure.body()
        parts: list[tuple[str, Edges]] = [
            ("helmet" if outfit.helmet else "no_helmet", figure.head(helmet=outfit.helmet)),
            ("vest" if outfit.vest else "no_vest", figure.torso()),
            *(("glove" if hand < outfit.gloves else "bare_hand", box) for hand, box in enumerate(figure.hands())),
            *(("safety_shoe" if outfit.shoes else "foot", box) for box in figure.feet()),
        ]
        face = figure.face()
        if face is not None:
            parts.append(("face", face))
            parts.append(("glasses" if outfit.glasses else "eyes", figure.glasses()))
        if outfit.carried and not outfit.helmet:
            parts.append(("carried", figure.carried()))
        shares = self._seen_shares(place, [*figure.silhouette(), *(box for _, box in parts)])
        trunk = shares[:3] @ np.array([0.08, 0.42, 0.5])
        seen = [(name, box) for (name, box), share in zip(parts, shares[3:], strict=True) if share >= _SEEN_PART]
        visible = trunk >= _SEEN_PERSON or shares[0] >= _SEEN_PART
        if visible:
            self._add("person", body)
        for name, box in seen:
            kind = "helmet" if name == "carried" else name
            if kind in CLASSES:
                self._add(kind, box)
        states = tuple(_states(figure, outfit, seen, self._cell)) if visible else ("hidden",) * len(ITEMS)
        feet = figure.x / WIDTH, figure.y / HEIGHT
        if visible or min(body[2], WIDTH) - max(body[0], 0) > _SEEN_PERSON * (body[2] - body[0]):
            self.seen.append(SeenPerson(number, feet, _fractions(body) if visible else None, states))

    def _seen_shares(self, place: int, boxes: Sequence[Edges]) -> npt.NDArray[np.float64]:
        """Share of each box that is in the image and not behind a nearer person."""
        corners = np.array(boxes)
        points = corners[:, None, :2] + _GRID * (corners[:, None, 2:] - corners[:, None, :2])
        x, y = points[..., 0], points[..., 1]
        clear = (x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT)
        for cover in self._covers[place + 1 :]:
            for left, top, right, bottom in cover:
                clear &= ~((x >= left) & (x < right) & (y >= top) & (y < bottom))
        return np.asarray(clear.mean(axis=1))

    def _add(self, name: str, box: Edges) -> None:
        self.detections.append(Detection(CLASSES.index(name), 1.0, *_fractions(box)))


def _states(figure: PersonFigure, outfit: Outfit, seen: Sequence[tuple[str, Edges]], cell: int) -> Iterator[str]:
    """For each item whether it is worn, or why it cannot be told."""
    names = [name for name, _ in seen]
    boxes = dict(seen)
    body = figure.body()
    lost = "cut" if body[0] < 0 or body[2] > WIDTH or body[1] < 0 or body[3] > HEIGHT else "hidden"
    for item, yes, no in _SINGLE:
        box = boxes.get(yes, boxes.get(no))
        if box is not None:
            yield "too_small" if _cells(box, cell) < SMALLEST[item] else "worn" if yes in boxes else "not_worn"
        elif item == "glasses" and figure.face() is None:
            yield "turned_away"
        else:
            yield lost
    hand, foot = figure.hands()[0], figure.feet()[0]
    if "bare_hand" in names or names.count("glove") == 2:
        yield "too_small" if _cells(hand, cell) < SMALLEST["gloves"] else "not_worn" if "bare_hand" in names else "worn"
    else:
        yield lost
    shoe = "safety_shoe" if outfit.shoes else "foot"
    if names.count(shoe) == 2:
        yield "too_small" if _cells(foot, cell) < SMALLEST["shoes"] else "worn" if outfit.shoes else "not_worn"
    else:
        yield lost


def _cells(box: Edges, cell: int) -> float:
    return float(np.sqrt((box[2] - box[0]) * (box[3] - box[1]))) / cell


def _fractions(box: Edges) -> Edges:
    """The part of a box that lies in the image, in fractions of it."""
    left, right = (min(max(x / WIDTH, 0.0), 1.0) for x in (box[0], box[2]))
    top, bottom = (min(max(y / HEIGHT, 0.0), 1.0) for y in (box[1], box[3]))
    return left, top, right, bottom
