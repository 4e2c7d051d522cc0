"""Gates: the bars that an audited veil must stay below, and what the rows say of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from raypp.audit.core.model import Adversary, Kind
from raypp.audit.core.row import AttackRow, Estimate
from raypp.audit.recognition.figures import NO_FACE, NO_TEXT, NOT_INSTALLED, Recognised

MEAN, WORST, MATCHING = "leakage, mean", "leakage, worst 5 %", "matching"
TEAM_MEAN, TEAM_WORST = "leakage to an ML team, mean", "leakage to an ML team, worst 5 %"
FACES, IDENTITY, TEXT = "faces found", "face verification", "text read"
TEAM_FACES, TEAM_IDENTITY, TEAM_TEXT = (f"{name} by an ML team" for name in (FACES, IDENTITY, TEXT))
TRAINED_ON_FACES = "recogniser trained on veiled faces"
"""Name of the attack that tells faces apart without rebuilding one."""
LABELS_ONLY = "labels alone"
"""Name of the match that looks at no code: no attack, but what attacks on matching are held against."""
MEAN_BAR, WORST_BAR = 0.10, 0.25
MATCHING_MARGIN = 0.05
"""How much more often than by the labels alone, or by chance, a veiled image may be found among plain ones."""
FACES_BAR, TEXT_BAR = 0.0, 0.0
"""Shares of what is found on plain images: not one face, not one word."""
IDENTITY_BAR, BY_CHANCE = 0.55, 0.5
"""Area under the curve of telling a rebuilt face from other people's, and that of guessing."""


class Verdict(StrEnum):
    """What became of a gate."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"
    """The images are too few to tell: the 95 % interval is not within the bar, though the figure is or, of an area
    under a curve, though the interval holds that of guessing, too. Or keys disagree: under one of those that were tried
    the bar is met, under another not."""
    NOT_EVALUATED = "not evaluated"


class Gate(BaseModel):
    """One bar, and the most that any attack of one adversary reached.

    Attributes:
        name: `MEAN`, `WORST`, `MATCHING`, `FACES`, `IDENTITY` or `TEXT`, or the like of an ML team.
        adversary: whose attacks count.
        bar: the most that is allowed; None where it is not known.
        got: the most that was reached, by attacks that passed their control; None if there is none.
        high: the highest upper end of the 95 % intervals of what they reached; None where there is no interval.
        verdict: met only if every attack of this kind was evaluated, and `high` is within the bar, too.
        by: name of the attack that reached `got`; empty if there is none.
        reason: why nothing could be recognised; empty where something could, and of other gates.
        over_keys: of the attacks that were made under other owners' keys, too, the most that was reached: under this
            key, then under each of the others. Empty where the veil was tried under one key alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    adversary: Adversary
    bar: float | None
    got: float | None
    high: float | None
    verdict: Verdict
    by: str
    reason: str = ""
    over_keys: tuple[float, ...] = ()

    @property
    def pointless(self) -> bool:
        """Whether there was nothing that it could be about: no face, or too few people, on the owner's images."""
        return self.verdict is Verdict.NOT_EVALUATED and self.reason not in {"", NOT_INSTALLED}


@dataclass(frozen=True)
class _Reached:
    """What one attack reached; `got` is None if its row does not count, or nothing could be recognised."""

    by: str
    got: float | None
    high: float | None = None
    low: float | None = None
    reason: str = ""


def judge(rows: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """Hold the rows of the audited veil against the bars; a holder of pairs has a curve and no bar.

    A row counts if its control was passed and its figures are there and finite. One that does not count keeps its gate
    from being met; it never makes it missed, since nothing is known of what a broken attack shows.

    Args:
        rows: of any veiling and adversary; attacks by pairs, and on anything but the audited veil, are left out. The
            bar for matching follows from the row of `LABELS_ONLY`: without it, and where labels tell nearly every
            image, matching is not evaluated.

    Returns:
        The outsider's gates `MEAN`, `WORST` (the greater of detail and edges, over all attacks) and `MATCHING` (the
        share found at the first guess, over all attacks), and what recognisers find on what was rebuilt: `FACES`,
        `IDENTITY`, `TEXT`; then, if the ML team tried to rebuild, the same but for matching over the outsider's attacks
        and its own, as it can make them all; a recogniser trained on veiled faces, where videos show enough of them to
        be made, counts for its `TEAM_IDENTITY`. For other decisions there is no gate.
    """
    outsider = [row for row in rows if row.is_veil and row.adversary is Adversary.OUTSIDER]
    team = [row for row in rows if row.is_veil and row.adversary is Adversary.TEAM]
    gates = _judged(outsider, team)
    tried = [row for row in outsider if row.other_keys or row.attack == LABELS_ONLY]
    others = range(max((len(row.other_keys) for row in tried), default=0))
    if not others:
        return gates
    elsewhere = [[row.under(key) if row.other_keys else row for row in tried] for key in others]
    each = [{gate.name: gate for gate in _of_both(rows)} for rows in (tried, *elsewhere)]
    surely = _judged([_at_least(row) if row in tried else row for row in outsider], team)
    return tuple(
        _over_keys(gate, [one[gate.name] for one in each], certain=sure.verdict is Verdict.MISSED)
        for gate, sure in zip(gates, surely, strict=True)
    )


def _judged(outsider: Sequence[AttackRow], team: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """The outsider's gates and, if the ML team tried to rebuild, its own; all rows of the audited veil."""
    gates = gates_of_one(Adversary.OUTSIDER, outsider)
    return gates + _of_team(outsider, team) if any(row.kind is Kind.REBUILD for row in team) else gates


def _of_team(outsider: Sequence[AttackRow], team: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """The ML team's gates: it can do all that an outsider can."""
    rebuilt = [row for row in (*outsider, *team) if row.kind is Kind.REBUILD]
    trained = [row for row in team if row.attack == TRAINED_ON_FACES and row.auc is not None]
    return (
        *_leaking((TEAM_MEAN, TEAM_WORST), Adversary.TEAM, rebuilt),
        *_recognising((TEAM_FACES, TEAM_IDENTITY, TEAM_TEXT), Adversary.TEAM, rebuilt, trained),
    )


def _of_both(outsider: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """All gates, as far as an outsider's attacks tell."""
    return gates_of_one(Adversary.OUTSIDER, outsider) + _of_team(outsider, [])


def _over_keys(gate: Gate, tried: Sequence[Gate], *, certain: bool) -> Gate:
    """Hold a gate against the same attacks under other owners' keys.

    A verdict is one on the spec: what holds under one key and not under the next is undecided, whichever of them the
    owner happens to hold, unless what was found under the owner's own is certain.

    Args:
        gate: by all attacks under the owner's key.
        tried: by the attacks that were made under other keys, too: under the owner's key, then under each other.
        certain: whether the bar is missed even where the lower ends of intervals stand for the figures.
    """
    reached = tuple(one.got for one in tried if one.got is not None)
    if len(reached) < len(tried):
        return gate
    verdicts, agreed = {one.verdict for one in tried}, gate.verdict
    if (agreed is Verdict.MET and verdicts != {Verdict.MET}) or (
        agreed is Verdict.MISSED and not certain and verdicts != {Verdict.MISSED}
    ):
        agreed = Verdict.UNDECIDED
    return gate.model_copy(update={"verdict": agreed, "over_keys": reached})


def _at_least(row: AttackRow) -> AttackRow:
    """The row with the lower ends of its intervals in place of its means."""
    figures = {"detail": row.detail, "edges": row.edges, "top1": row.top1}
    return row.model_copy(
        update={name: one.model_copy(update={"mean": one.low}) for name, one in figures.items() if one is not None}
    )


def gates_of_one(adversary: Adversary, rows: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """Return the outsider's gates, judged by all rows given."""
    rebuilt = [row for row in rows if row.kind is Kind.REBUILD]
    labels = [row for row in rows if row.attack == LABELS_ONLY]
    matched = [row for row in rows if row.kind is Kind.MATCH and row.attack != LABELS_ONLY]
    return (
        *_leaking((MEAN, WORST), adversary, rebuilt),
        _gate(MATCHING, adversary, _matching_bar(labels), [_on_average(row, row.top1) for row in matched]),
        *_recognising((FACES, IDENTITY, TEXT), adversary, rebuilt),
    )


def leakage(row: AttackRow) -> float | None:
    """Mean leakage L of a rebuild, the greater of detail and edges; None if the row does not count."""
    return _on_average(row, row.detail, row.edges).got


def worst_leakage(row: AttackRow) -> float | None:
    """Leakage L of the worst 5 % of a rebuild, the greater of detail and edges; None if the row does not count."""
    return _most([one.worst for one in _counted(row, row.detail, row.edges)])


def _leaking(names: tuple[str, str], adversary: Adversary, rebuilt: Sequence[AttackRow]) -> tuple[Gate, ...]:
    mean, worst = names
    return (
        _gate(mean, adversary, MEAN_BAR, [_on_average(row, row.detail, row.edges) for row in rebuilt]),
        _gate(worst, adversary, WORST_BAR, [_Reached(row.attack, worst_leakage(row)) for row in rebuilt]),
    )


def _recognising(
    names: tuple[str, str, str],
    adversary: Adversary,
    rebuilt: Sequence[AttackRow],
    trained: Sequence[AttackRow] = (),
) -> tuple[Gate, ...]:
    """A row at which nobody looked does not count; recognisers that were trained on codes tell people apart, too."""
    faces, identity, text = names
    looked = [(row, row.recognised or Recognised()) for row in rebuilt]
    return (
        _gate(faces, adversary, FACES_BAR, [_faces(row, found) for row, found in looked]),
        _gate(
            identity, adversary, IDENTITY_BAR, [*(_identity(row, found) for row, found in looked), *map(_told, trained)]
        ),
        _gate(text, adversary, TEXT_BAR, [_text(row, found) for row, found in looked]),
    )


def _faces(row: AttackRow, found: Recognised) -> _Reached:
    faces = found.faces
    if faces is None or not faces.faces:
        return _Reached(row.attack, None, reason=NO_FACE if faces else found.reason)
    return _Reached(row.attack, faces.found / faces.faces if row.evaluated else None)


def _identity(row: AttackRow, found: Recognised) -> _Reached:
    told = found.faces.verification if found.faces else None
    if told is None:
        return _Reached(row.attack, None, reason=found.faces.reason if found.faces else found.reason)
    figures = (told.auc, told.high, told.low)
    known = row.evaluated and all(map(math.isfinite, figures))
    return _Reached(row.attack, *figures) if known else _Reached(row.attack, None)


def _told(row: AttackRow) -> _Reached:
    figures = (row.auc.mean, row.auc.high, row.auc.low) if row.auc else ()
    known = row.evaluated and figures and all(map(math.isfinite, figures))
    return _Reached(row.attack, *figures) if known else _Reached(row.attack, None)


def _text(row: AttackRow, found: Recognised) -> _Reached:
    text = found.text
    if text is None or not text.words:
        return _Reached(row.attack, None, reason=NO_TEXT if text else found.reason)
    return _Reached(row.attack, text.read / text.words if row.evaluated else None)


def _matching_bar(labels: Sequence[AttackRow]) -> float | None:
    """What labels alone tell, but not less than chance, and the margin; None where that is all, or not known."""
    told = [max(row.top1.mean, 1 / row.candidates) for row in labels if row.top1 is not None and row.candidates]
    bar = max(told, default=1.0) + MATCHING_MARGIN
    return bar if bar < 1 else None


def _on_average(row: AttackRow, *estimates: Estimate | None) -> _Reached:
    counted = _counted(row, *estimates)
    got, high = _most([one.mean for one in counted]), _most([one.high for one in counted])
    return _Reached(row.attack, None) if got is None or high is None else _Reached(row.attack, got, high)


def _counted(row: AttackRow, *estimates: Estimate | None) -> list[Estimate]:
    """All of them, or, unless the row was evaluated and has them all, none."""
    there = [one for one in estimates if one is not None]
    return there if row.evaluated and len(there) == len(estimates) else []


def _most(figures: list[float]) -> float | None:
    return max(figures) if figures and all(map(math.isfinite, figures)) else None


def _gate(name: str, adversary: Adversary, bar: float | None, reached: Sequence[_Reached]) -> Gate:
    counted = [(one.got, one.by) for one in reached if one.got is not None]
    got, by = max(counted, default=(None, ""))
    high = max((one.high for one in reached if one.high is not None), default=None)
    beyond = [one for one in reached if one.got is not None and bar is not None and one.got > bar]
    if got is None or bar is None:
        verdict = Verdict.NOT_EVALUATED
    elif any(one.low is None or one.low > BY_CHANCE for one in beyond):
        verdict = Verdict.MISSED
    elif len(counted) < len(reached):
        verdict = Verdict.NOT_EVALUATED
    else:
        verdict = Verdict.UNDECIDED if beyond or (high is not None and high > bar) else Verdict.MET
    reason = "" if counted else next((one.reason for one in reached if one.reason), "")
    return Gate(name=name, adversary=adversary, bar=bar, got=got, high=high, verdict=verdict, by=by, reason=reason)
