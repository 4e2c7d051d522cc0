"""Leakage over the number of known pairs, drawn: a line for the veil and one for each baseline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow, ReconstructRow
from raypp.audit.verdict.gates import mean_leakage
from raypp.reports.colours import LIGHT

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
        pairs, got = row.attack.pairs, mean_leakage(row)
        if pairs is not None and got is not None:
            points = most.setdefault((not row.is_veil, row.target), {})
            points[pairs] = max(got, points.get(pairs, got))
    return tuple(
        Line(target, not other, tuple(sorted(points.items())))
        for (other, target), points in sorted(most.items(), key=lambda entry: entry[0][0])
    )


@dataclass(frozen=True, slots=True)
class AxisLabel:
    """A label beside an axis, at a place along it in pixels."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line, in pixels, with its figures in words."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class CurveLine:
    """One target's line: the veil's is whole and thick, others have dashes."""

    target: str
    is_veil: bool
    colour: int
    width: str
    dashes: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Leakage over the logarithm of the number of pairs, in pixels of a drawing of a fixed size."""

    width: ClassVar[int] = _WIDTH
    height: ClassVar[int] = _HEIGHT
    left: ClassVar[int] = _LEFT
    right: ClassVar[int] = _WIDTH - _RIGHT
    bottom: ClassVar[int] = _HEIGHT - _BOTTOM
    levels: tuple[AxisLabel, ...]
    numbers: tuple[AxisLabel, ...]
    lines: tuple[CurveLine, ...]


def curve_of(lines: Sequence[Line]) -> Curve | None:
    """Lay lines out; leakage below 0 or above 1 is drawn at the border. None without lines."""
    if not lines:
        return None
    numbers = sorted({pairs for line in lines for pairs, _ in line.points})
    across = _positions(numbers)
    return Curve(
        tuple(AxisLabel(_height(level), f"{level:.2f}") for level in _LEVELS),
        tuple(AxisLabel(across[pairs], f"{pairs:,}") for pairs in numbers),
        tuple(_drawn(line, index, across) for index, line in enumerate(lines)),
    )


def _positions(numbers: Sequence[int]) -> Mapping[int, float]:
    logs = {pairs: math.log1p(pairs) for pairs in numbers}
    first, length = min(logs.values()), max(logs.values()) - min(logs.values())
    left, width = _LEFT + 20, _WIDTH - _LEFT - _RIGHT - 40
    return {pairs: left + width * ((log - first) / length if length else 0.5) for pairs, log in logs.items()}


def _height(level: float) -> float:
    return _TOP + (1 - min(1.0, max(0.0, level))) * (_HEIGHT - _TOP - _BOTTOM)


def _drawn(line: Line, index: int, across: Mapping[int, float]) -> CurveLine:
    width, dashes = ("3.5", "") if line.is_veil else ("2", _DASHES[index % len(_DASHES)])
    dots = (
        Dot(round(across[pairs], 1), round(_height(level), 1), f"{line.target}, {pairs:,} pairs: {level:.3f}")
        for pairs, level in line.points
    )
    return CurveLine(line.target, line.is_veil, index % len(LIGHT), width, dashes, tuple(dots))
