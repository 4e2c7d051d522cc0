"""Evidence of one frame: which item's boxes are whose, and what they say about each person and item."""

from collections.abc import Sequence
from math import hypot, sqrt
from typing import NamedTuple

from raypp.geometry.boxes import Edges
from raypp.usage.body import SHAPES, Body, covered, covers, is_cut
from raypp.usage.equipment import Equipment
from raypp.usage.reliability import Reliabilities, box_weight, silence_weight
from raypp.usage.violation import CannotTell

_SHOWN, _SILENT = 1.0, 0.5
"""What it says that no item is on a part of the body that a box shows, or that should be seen; a sure box says 1."""
_PREFERRED = 0.05
"""How much nearer a sure box counts as, in heights of the body."""
_ACROSS = 0.5
"""Weight of distance across beside that down: arms move to the sides."""
_BESIDE = 0.02
"""How far beside a person's box the middle of an item may be, in heights of the body."""
_BEHIND = 0.2
"""How much farther a box counts as that lies on somebody who stands nearer, and would hide it."""


class ItemBox(NamedTuple):
    """A box that says something about an item, lengths in widths of the image: middle, root of its area, confidence."""

    x: float
    y: float
    size: float
    confidence: float


_Given = tuple[ItemBox, bool, float]
"""A box of an item, whether it shows it worn, and what a box of its class counts."""


class Standing(NamedTuple):
    """A body among others.

    Attributes:
        body: the body.
        middle: across.
        half: half its width.
        before: what the bodies that stand nearer cover.
    """

    body: Body
    middle: float
    half: float
    before: list[Edges]


class ItemEvidence:
    """Weighs what a frame shows of one item. Holds no state.

    Args:
        equipment: the item's settings.
        classes: the model's classes, by class_id.
        cell: side of a cell of the veil, in widths of the image.
        reliabilities: how far each class is to be believed.
    """

    def __init__(
        self, equipment: Equipment, classes: Sequence[str], cell: float, reliabilities: Reliabilities = ()
    ) -> None:
        self._shape = SHAPES[equipment.on]
        self._part = equipment.on
        self._count = equipment.count
        self._least = equipment.min_cells * cell
        self._confidence = equipment.min_confidence
        self._items, self._seen = (
            tuple(
                (number, name in equipment.yes, box_weight(reliabilities, number))
                for number, name in enumerate(classes)
                if name in names
            )
            for names in ((*equipment.yes, *equipment.no), equipment.seen)
        )
        silent = _SHOWN if equipment.seen else _SILENT
        silent *= min((silence_weight(reliabilities, number) for number, _, _ in self._items), default=1.0)
        self._absence = 0.0 if equipment.yes and equipment.no else -silent if equipment.yes else silent

    def weigh(self, boxes: Sequence[Sequence[ItemBox]], people: Sequence[Standing]) -> list[float | CannotTell]:
        """Say for each person what the frame says: log-odds that they wear the item, or why nothing.

        Args:
            boxes: the frame's boxes, by class_id.
            people: everybody in it.
        """
        items = self._given(boxes, self._items, people)
        seen = self._given(boxes, self._seen, people) if self._seen else [()] * len(people)
        return [self._say(*whose) for whose in zip(people, items, seen, strict=True)]

    def _say(self, person: Standing, items: Sequence[_Given], seen: Sequence[_Given]) -> float | CannotTell:
        if items:
            if all(box.size < self._least for box, _, _ in items):
                return CannotTell.TOO_SMALL
            contrary = [box.confidence * weight for box, says_yes, weight in items if not says_yes]
            if contrary:
                return -max(contrary)
            if len(items) < self._count:
                return self._doubt(person, None) or CannotTell.HIDDEN
            return sum(box.confidence * weight for box, _, weight in items)
        return self._say_of_nothing(person, seen)

    def _say_of_nothing(self, person: Standing, seen: Sequence[_Given]) -> float | CannotTell:
        """Say what it means that no box shows the item."""
        size = seen[0][0].size * self._shape.of_seen if seen else self._shape.size * person.body.height
        if size < self._least:
            return CannotTell.TOO_SMALL
        if self._absence and len(seen) >= self._count:
            return self._absence
        doubt = self._doubt(person, CannotTell.TURNED_AWAY if self._seen else None)
        return self._absence or CannotTell.HIDDEN if doubt is None else doubt

    def _doubt(self, person: Standing, otherwise: CannotTell | None) -> CannotTell | None:
        """Why a part of the body is not seen; `otherwise` where neither edge nor people hide it."""
        if is_cut(person.body, self._part):
            return CannotTell.CUT
        return CannotTell.HIDDEN if covered(person.body, self._part, person.before) else otherwise

    def _given(
        self, boxes: Sequence[Sequence[ItemBox]], ids: Sequence[tuple[int, bool, float]], people: Sequence[Standing]
    ) -> list[list[_Given]]:
        """Give each box to one person, the nearest pair first, ties by coordinates."""
        given: list[list[_Given]] = [[] for _ in people]
        least = self._confidence
        entries: list[_Given] = [
            (box, says_yes, weight)
            for number, says_yes, weight in ids
            for box in boxes[number]
            if box.confidence >= least
        ]
        if not entries:
            return given
        widest, highest, lowest = self._shape.reach
        aside, below = self._shape.middles[-1]
        pairs = []
        for place, (body, middle, half, before) in enumerate(people):
            height, top = body.height, body.top
            reach = min(widest * height, half + _BESIDE * height)
            left, right, over, under = middle - reach, middle + reach, top + highest * height, top + lowest * height
            for entry in entries:
                x, y, _, confidence = entry[0]
                if left <= x <= right and over <= y <= under:
                    across, down = abs(x - middle) / height, (y - top) / height
                    away = hypot(_ACROSS * (across - aside), down - below)
                    for edges in before:
                        if edges[0] <= x <= edges[2] and edges[1] <= y <= edges[3]:
                            away += _BEHIND
                            break
                    pairs.append((away - _PREFERRED * confidence, entry, place))
        pairs.sort()
        taken = set()
        for _, entry, place in pairs:
            if len(given[place]) < self._count and entry not in taken:
                given[place].append(entry)
                taken.add(entry)
        return given


def standing(bodies: Sequence[Body]) -> list[Standing]:
    """Put bodies before one another: the lower its feet, the nearer a body is."""
    people = []
    for body in bodies:
        left, right, bottom = body.left, body.right, body.bottom
        nearer = [other for other in bodies if other.bottom > bottom and other.left < right and left < other.right]
        before = [edges for other in nearer for edges in covers(other)]
        people.append(Standing(body, (left + right) / 2, (right - left) / 2, before))
    return people


def item_box(box: Edges, confidence: float) -> ItemBox:
    """Make an item's box of edges in widths of the image."""
    left, top, right, bottom = box
    size = sqrt(max(right - left, 0.0) * max(bottom - top, 0.0))
    return ItemBox((left + right) / 2, (top + bottom) / 2, size, confidence)
