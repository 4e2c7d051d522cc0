"""Gates: the bars that an audited veil must stay below, and what the rows say of them."""

import math
from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from raypp.audit.model import Adversary, AttackRow, Estimate, Kind

MEAN, WORST, MATCHING = "leakage, mean", "leakage, worst 5 %", "matching"
LABELS_ONLY = "labels alone"
"""Name of the match that looks at no code: no attack, but what attacks on matching are held against."""
MEAN_BAR, WORST_BAR = 0.10, 0.25
MATCHING_MARGIN = 0.05
"""How much more often than by the labels alone a veiled picture may be found among plain ones."""


class Verdict(StrEnum):
    """What became of a gate."""

    MET = "met"
    MISSED = "missed"
    NOT_EVALUATED = "not evaluated"


class Gate(BaseModel):
    """One bar, and the most that any attack of one adversary reached.

    Attributes:
        name: `MEAN`, `WORST` or `MATCHING`.
        adversary: whose attacks count.
        bar: the most that is allowed; None where it is not known.
        got: the most that was reached, by attacks that passed their control; None if there is none.
        verdict: met only if every attack of this kind was evaluated.
        by: name of the attack that reached it; empty if there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    adversary: Adversary
    bar: float | None
    got: float | None
    verdict: Verdict
    by: str


def judge(rows: Sequence[AttackRow], labels_only_top1: float | None = None) -> tuple[Gate, ...]:
    """Hold the rows of the audited veil against the bars for an outsider; a holder of pairs has a curve and no bar.

    A row counts if its control was passed and its figures are there and finite. One that does not count keeps its gate
    from being met; it never makes it missed, since nothing is known of what a broken attack shows.

    Args:
        rows: of any veiling and adversary; all but attacks of the outsider on the audited veil are left out.
        labels_only_top1: share of victims that the labels alone find at the first guess, 0 to 1; None if not measured;
            then, and where labels tell nearly every picture, matching is not evaluated.

    Returns:
        The gates `MEAN`, `WORST` (the greater of detail and edges, over all attacks) and `MATCHING` (the upper end of
        the interval of top1, over all attacks).
    """
    outsider = [row for row in rows if row.is_veil and row.adversary is Adversary.OUTSIDER]
    rebuilt = [row for row in outsider if row.kind is Kind.REBUILD]
    matched = [row for row in outsider if row.kind is Kind.MATCH and row.attack != LABELS_ONLY]
    told = 1.0 if labels_only_top1 is None else labels_only_top1 + MATCHING_MARGIN
    matching_bar = told if told < 1 else None
    return (
        _gate(MEAN, MEAN_BAR, [(leakage(row), row.attack) for row in rebuilt]),
        _gate(WORST, WORST_BAR, [(worst_leakage(row), row.attack) for row in rebuilt]),
        _gate(MATCHING, matching_bar, [(_found(row), row.attack) for row in matched]),
    )


def leakage(row: AttackRow) -> float | None:
    """Mean leakage L of a rebuild, the greater of detail and edges; None if the row does not count."""
    return _most([one.mean for one in _counted(row, row.detail, row.edges)])


def worst_leakage(row: AttackRow) -> float | None:
    """Leakage L of the worst 5 % of a rebuild, the greater of detail and edges; None if the row does not count."""
    return _most([one.worst for one in _counted(row, row.detail, row.edges)])


def _found(row: AttackRow) -> float | None:
    return _most([one.high for one in _counted(row, row.top1)])


def _counted(row: AttackRow, *estimates: Estimate | None) -> list[Estimate]:
    """All of them, or, unless the row was evaluated and has them all, none."""
    there = [one for one in estimates if one is not None]
    return there if row.evaluated and len(there) == len(estimates) else []


def _most(figures: list[float]) -> float | None:
    return max(figures) if figures and all(map(math.isfinite, figures)) else None


def _gate(name: str, bar: float | None, figures: Sequence[tuple[float | None, str]]) -> Gate:
    counted = [(got, by) for got, by in figures if got is not None]
    got, by = max(counted, default=(None, ""))
    if bar is not None and not math.isfinite(bar):
        bar = None
    if got is None or bar is None:
        verdict = Verdict.NOT_EVALUATED
    elif got > bar:
        verdict = Verdict.MISSED
    else:
        verdict = Verdict.MET if len(counted) == len(figures) else Verdict.NOT_EVALUATED
    return Gate(name=name, adversary=Adversary.OUTSIDER, bar=bar, got=got, verdict=verdict, by=by)
