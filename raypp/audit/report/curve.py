"""Leakage over the number of known pairs, drawn: a line for the veil and one for each baseline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow, ReconstructRow
from raypp.audit.verdict.gates import leakage
from raypp.reports.colours import LIGHT
from raypp.web.html import Html, element

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _RIGHT = 760, 300, 52, 14, 44, 16
_DASHES = ("6 4", "2 3", "10 4 2 4", "1 4")
_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Line:
    """One target under attack by a known-plaintext adversary.

    Attributes:
        target: its name.
        is_veil: whether it is the audited veil.
        points: number of pairs, and the most that any attack with as many reached, in order.
    """

    target: str
    is_veil: bool
    points: tuple[tuple[int, float], ...]


def lines_of(rows: Sequence[AttackRow]) -> tuple[Line, ...]:
    """Return the lines of what was evaluated, the audited veil's first: leakage as in the gates."""
    most: dict[tuple[bool, str], dict[int, float]] = {}
    for row in rows:
        if not isinstance(row, ReconstructRow) or row.adversary is not Adversary.KNOWN_PLAINTEXT:
            continue
        pairs, got = row.attack.pairs, leakage(row)
        if pairs is not None and got is not None:
            points = most.setdefault((not row.is_veil, row.target), {})
            points[pairs] = max(got, points.get(pairs, got))
    return tuple(
        Line(target, not other, tuple(sorted(points.items())))
        for (other, target), points in sorted(most.items(), key=lambda one: one[0][0])
    )


def draw(lines: Sequence[Line]) -> Html:
    """Draw lines over the logarithm of the number of pairs; what lies below 0 or above 1 is drawn at the border."""
    numbers = sorted({pairs for line in lines for pairs, _ in line.points})
    across = _positions(numbers)
    levels = [_level(level) for level in _LEVELS]
    marks = [
        element("text", f"{pairs:,}", x=across[pairs], y=_HEIGHT - _BOTTOM + 18, text_anchor="middle")
        for pairs in numbers
    ]
    title = element("text", "known pairs", x=(_LEFT + _WIDTH) / 2, y=_HEIGHT - 6, text_anchor="middle")
    drawn = [_line(line, index, across) for index, line in reversed(list(enumerate(lines)))]
    image = element(
        "svg",
        *levels,
        *marks,
        title,
        *drawn,
        class_="curve",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label="Leakage over the number of known pairs; the tables hold the figures",
    )
    return element(
        "div", image, element("ul", [_key(line, index) for index, line in enumerate(lines)], class_="legend")
    )


def _positions(numbers: Sequence[int]) -> Mapping[int, float]:
    logs = {pairs: math.log1p(pairs) for pairs in numbers}
    first, length = min(logs.values()), max(logs.values()) - min(logs.values())
    left, width = _LEFT + 20, _WIDTH - _LEFT - _RIGHT - 40
    return {pairs: left + width * ((log - first) / length if length else 0.5) for pairs, log in logs.items()}


def _height(level: float) -> float:
    return _TOP + (1 - min(1.0, max(0.0, level))) * (_HEIGHT - _TOP - _BOTTOM)


def _level(level: float) -> Html:
    y = _height(level)
    rule = element("line", class_="grid", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y)
    return element("g", rule, element("text", f"{level:.2f}", x=_LEFT - 8, y=y + 4, text_anchor="end"))


def _line(line: Line, index: int, across: Mapping[int, float]) -> Html:
    places = [(round(across[pairs], 1), round(_height(level), 1)) for pairs, level in line.points]
    path = element("polyline", points=" ".join(f"{x},{y}" for x, y in places), **_stroke(line, index))
    dots = [
        element("circle", element("title", f"{line.target}, {pairs:,} pairs: {level:.3f}"), cx=x, cy=y, r=3.5)
        for (x, y), (pairs, level) in zip(places, line.points, strict=True)
    ]
    return element("g", path, dots, class_=_colour(index))


def _key(line: Line, index: int) -> Html:
    sample = element("line", x1=0, x2=26, y1=6, y2=6, **_stroke(line, index))
    words = element("strong", line.target) if line.is_veil else line.target
    return element("li", element("svg", sample, class_=_colour(index), viewBox="0 0 26 12"), words)


def _stroke(line: Line, index: int) -> dict[str, str]:
    """The veil's line is whole and thick; others are told apart by dashes too, so that colour carries nothing alone."""
    if line.is_veil:
        return {"stroke_width": "3.5"}
    return {"stroke_width": "2", "stroke_dasharray": _DASHES[index % len(_DASHES)]}


def _colour(index: int) -> str:
    return f"line c{index % len(LIGHT)}"
