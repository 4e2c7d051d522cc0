"""Where the parts of a flow stand on a page: from left to right, branches below each other, long ones in rows.

All lengths are pixels, from the top left.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from raypp.procedure.flow import NOTHING, Branches, FlowPart, Gateway, Series, Task

Point = tuple[float, float]
_GATEWAY, _EVENT = 40.0, 36.0
_ACROSS, _ALONG, _EMPTY = 34.0, 22.0, 24.0
_MARGIN, _WIDEST = 24.0, 1500.0


class NodeKind(Enum):
    """Kinds of nodes."""

    START = "start"
    END = "end"
    TASK = "task"
    GATEWAY = "gateway"


@dataclass(frozen=True)
class Node:
    """One node; `x` and `y` are its middle. `task` and `gateway` are those of a node of that kind, else None."""

    kind: NodeKind
    x: float
    y: float
    width: float
    height: float
    task: Task | None = None
    gateway: Gateway | None = None
    opens: bool = False


@dataclass(frozen=True)
class Arrow:
    """A way from one node to another, by their numbers, and the corners of its line."""

    source: int
    target: int
    points: tuple[Point, ...]


@dataclass
class Layout:
    """A flow on a page."""

    nodes: list[Node] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def laid_out(flow: Series, size_of: Callable[[Task], tuple[float, float]]) -> Layout:
    """Lay a flow out, with a start and an end.

    Args:
        flow: the flow.
        size_of: width and height of a task.
    """
    return _Page(size_of).of(flow)


class _Page:
    def __init__(self, size_of: Callable[[Task], tuple[float, float]]) -> None:
        self._size_of = size_of
        self._layout = Layout()

    def of(self, flow: Series) -> Layout:
        top, last = _MARGIN, -1
        rows = self._rows(flow)
        for number, row in enumerate(rows):
            height = max([_EVENT, *(self._measure(part)[1] for part in row)])
            left, y = _MARGIN, top + height / 2
            if number == 0:
                last = self._node(Node(NodeKind.START, left + _EVENT / 2, y, _EVENT, _EVENT))
                left += _EVENT + _ACROSS
            for place, part in enumerate(row):
                first, end = self._put(part, left, y)
                self._connect(last, first, between=top - _ALONG if place == 0 and number > 0 else None)
                last, left = end, left + self._measure(part)[0] + _ACROSS
            if number == len(rows) - 1:
                end = self._node(Node(NodeKind.END, left + _EVENT / 2, y, _EVENT, _EVENT))
                self._connect(last, end)
            top += height + 2 * _ALONG
        nodes = self._layout.nodes
        self._layout.width = max(node.x + node.width / 2 for node in nodes) + _MARGIN
        self._layout.height = top - 2 * _ALONG + _MARGIN
        return self._layout

    def _rows(self, flow: Series) -> list[list[FlowPart]]:
        rows: list[list[FlowPart]] = [[]]
        width = _MARGIN + _EVENT + _ACROSS
        for part in flow.parts:
            own = self._measure(part)[0] + _ACROSS
            if rows[-1] and width + own + _EVENT > _WIDEST:
                rows.append([])
                width = _MARGIN
            rows[-1].append(part)
            width += own
        return rows

    def _measure(self, part: FlowPart) -> tuple[float, float]:
        if isinstance(part, Task):
            return self._size_of(part)
        sizes = [self._measure(child) for child in part.parts]
        if isinstance(part, Branches):
            width = max(width for width, _ in sizes) + 2 * (_GATEWAY + _ACROSS)
            return width, max(_GATEWAY, sum(height for _, height in sizes) + _ALONG * (len(sizes) - 1))
        if not sizes:
            return 0.0, _EMPTY
        return sum(width for width, _ in sizes) + _ACROSS * (len(sizes) - 1), max(height for _, height in sizes)

    def _put(self, part: FlowPart, left: float, y: float) -> tuple[int, int]:
        """Put a part with its left arrow and its middle there; return its first and its last node."""
        width, height = self._measure(part)
        if isinstance(part, Task):
            node = self._node(Node(NodeKind.TASK, left + width / 2, y, width, height, task=part))
            return node, node
        if isinstance(part, Series):
            ends = []
            for child in part.parts:
                ends.append(self._put(child, left, y))
                left += self._measure(child)[0] + _ACROSS
            for (_, before), (after, _) in pairwise(ends):
                self._connect(before, after)
            return ends[0][0], ends[-1][1]
        opening = self._gateway(part, left + _GATEWAY / 2, y, opens=True)
        closing = self._gateway(part, left + width - _GATEWAY / 2, y, opens=False)
        top = y - (sum(self._measure(child)[1] for child in part.parts) + _ALONG * (len(part.parts) - 1)) / 2
        for child in part.parts:
            child_height = self._measure(child)[1]
            middle = top + child_height / 2
            if child == NOTHING:
                self._connect(opening, closing, lane=middle)
            else:
                first, last = self._put(child, left + _GATEWAY + _ACROSS, middle)
                self._connect(opening, first)
                self._connect(last, closing)
            top += child_height + _ALONG
        return opening, closing

    def _gateway(self, part: Branches, x: float, y: float, *, opens: bool) -> int:
        return self._node(Node(NodeKind.GATEWAY, x, y, _GATEWAY, _GATEWAY, gateway=part.gateway, opens=opens))

    def _node(self, node: Node) -> int:
        self._layout.nodes.append(node)
        return len(self._layout.nodes) - 1

    def _connect(self, source: int, target: int, *, lane: float | None = None, between: float | None = None) -> None:
        """Draw a way; in a lane of its own between two gateways, or between two rows to the begin of the next."""
        before, after = self._layout.nodes[source], self._layout.nodes[target]
        right, left = (before.x + before.width / 2, before.y), (after.x - after.width / 2, after.y)
        if between is not None:
            points: list[Point] = [right, (right[0] + _ACROSS / 2, right[1]), (right[0] + _ACROSS / 2, between)]
            points += [(_MARGIN / 2, between), (_MARGIN / 2, left[1]), left]
        else:
            y = lane if lane is not None else (after.y if before.opens else before.y)
            start = right if y == before.y else (before.x, before.y + _toward(y, before) * before.height / 2)
            end = left if y == after.y else (after.x, after.y + _toward(y, after) * after.height / 2)
            points = [start, (start[0], y), (end[0], y), end]
        self._layout.arrows.append(Arrow(source, target, tuple(dict.fromkeys(points))))


def _toward(y: float, node: Node) -> int:
    return 1 if y > node.y else -1
