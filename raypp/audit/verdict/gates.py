"""Gates: the thresholds that an audited veil must stay below, and what the rows say of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from raypp.audit.core.model import Adversary
from raypp.audit.core.recognised import NO_FACE, NO_TEXT, NOT_INSTALLED, Recognised
from raypp.audit.core.row import (
    AttackRow,
    DecideRow,
    Estimate,
    MatchRow,
    ReconstructRow,
    TriedUnderKeys,
    under_key,
)

MEAN, WORST, MATCHING = "leakage, mean", "leakage, worst 5 %", "matching"
INSIDER_MEAN, INSIDER_WORST = "leakage to an insider, mean", "leakage to an insider, worst 5 %"
FACES, IDENTITY, TEXT = "faces found", "face verification", "text read"
INSIDER_FACES, INSIDER_IDENTITY, INSIDER_TEXT = (f"{name} by an insider" for name in (FACES, IDENTITY, TEXT))
TRAINED_ON_FACES = "recogniser trained on veiled faces"
"""Family of the attack that tells faces apart without reconstructing one."""
LABELS_ONLY = "labels alone"
"""Family of the match that looks at no code: no attack, but what attacks on matching are held against."""
MEAN_THRESHOLD, WORST_THRESHOLD = 0.10, 0.25
MATCHING_MARGIN = 0.05
"""How much more often than by the labels alone, or by chance, a veiled image may be found among plain ones."""
FACES_THRESHOLD, TEXT_THRESHOLD = 0.0, 0.0
"""Shares of what is found on plain images: not one face, not one word."""
IDENTITY_THRESHOLD, BY_CHANCE = 0.55, 0.5
"""Area under the curve of telling a reconstructed face from other people's, and that of guessing."""


class Verdict(StrEnum):
    """Outcome of a gate."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"
    """The images are too few to tell: the figure is within the threshold and its 95 % interval is not, or the interval
    of an area under a curve holds that of guessing, too. Or keys disagree: under one key the threshold is met, under
    another it is not."""
    NOT_EVALUATED = "not evaluated"


class Gate(BaseModel):
    """One threshold, and the most that any attack of one adversary reached.

    Attributes:
        name: `MEAN`, `WORST`, `MATCHING`, `FACES`, `IDENTITY` or `TEXT`, or the like of an insider.
        adversary: whose attacks count.
        threshold: the most that is allowed; None where it is not known.
        got: the most that was reached, by attacks that passed their control; None if there is none.
        high: the highest upper end of the 95 % intervals of what they reached; None where there is no interval.
        verdict: met only if every attack of this kind was evaluated, and `high` is within the threshold, too.
        by: name of the attack that reached `got`; empty if there is none.
        reason: why nothing could be recognised; empty where something could, and of other gates.
        over_keys: of the attacks that were made under other owners' keys, too, the most that was reached: under this
            key, then under each of the others. Empty where the veil was tried under one key alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    adversary: Adversary
    threshold: float | None
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
    """The figure that one attack reached; `got` is None if its row does not count, or nothing could be recognised."""

    by: str
    got: float | None
    high: float | None = None
    low: float | None = None
    reason: str = ""


def judge_gates(rows: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """Hold the rows of the audited veil against the thresholds; known-plaintext attacks have a curve and no threshold.

    A row counts if its control was passed and its figures are there and finite. One that does not count keeps its gate
    from being met; it never makes it missed, since nothing is known of what a broken attack shows.

    Args:
        rows: of any target and adversary; attacks by pairs, and on anything but the audited veil, are left out. The
            threshold for matching follows from the row of `LABELS_ONLY`: without it, and where labels tell nearly every
            image, matching is not evaluated.

    Returns:
        The ciphertext-only adversary's gates: `MEAN` and `WORST` (the greater of detail and edges, over all attacks),
        `MATCHING` (the share found at the first guess, over all attacks), and what recognisers find on reconstructed
        images: `FACES`, `IDENTITY`, `TEXT`. Then, if the insider tried to reconstruct, the same but for matching, over
        the ciphertext-only adversary's attacks and its own, as it can make them all. A recogniser trained on veiled
        faces, where videos show enough of them, counts for its `INSIDER_IDENTITY`. Other decisions have no gate.
    """
    ciphertext_only = [row for row in rows if row.is_veil and row.adversary is Adversary.CIPHERTEXT_ONLY]
    insider = [row for row in rows if row.is_veil and row.adversary is Adversary.INSIDER]
    gates = _judged(ciphertext_only, insider)
    tried = [
        row
        for row in ciphertext_only
        if not isinstance(row, DecideRow) and (row.other_keys or row.attack.family == LABELS_ONLY)
    ]
    others = range(max((len(row.other_keys) for row in tried), default=0))
    if not others:
        return gates
    elsewhere = [[under_key(row, key) if row.other_keys else row for row in tried] for key in others]
    each = [{gate.name: gate for gate in _of_both(rows)} for rows in (tried, *elsewhere)]
    surely = _judged([_at_least(row) if row in tried else row for row in ciphertext_only], insider)
    return tuple(
        _over_keys(gate, [gates_of_key[gate.name] for gates_of_key in each], certain=sure.verdict is Verdict.MISSED)
        for gate, sure in zip(gates, surely, strict=True)
    )


def _judged(ciphertext_only: Sequence[AttackRow], insider: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """Return the ciphertext-only adversary's gates and, if the insider tried to reconstruct, the insider's."""
    gates = gates_of_one(Adversary.CIPHERTEXT_ONLY, ciphertext_only)
    tried = any(isinstance(row, ReconstructRow) for row in insider)
    return gates + _of_insider(ciphertext_only, insider) if tried else gates


def _of_insider(ciphertext_only: Sequence[AttackRow], insider: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """The insider's gates: it can do all that a ciphertext-only adversary can."""
    decided = [row for row in insider if isinstance(row, DecideRow)]
    trained = [row for row in decided if row.attack.family == TRAINED_ON_FACES and row.auc is not None]
    reconstructed = [row for row in (*ciphertext_only, *insider) if isinstance(row, ReconstructRow)]
    return (
        *_leaking((INSIDER_MEAN, INSIDER_WORST), Adversary.INSIDER, reconstructed),
        *_recognising((INSIDER_FACES, INSIDER_IDENTITY, INSIDER_TEXT), Adversary.INSIDER, reconstructed, trained),
    )


def _of_both(ciphertext_only: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """All gates, as far as a ciphertext-only adversary's attacks tell."""
    return gates_of_one(Adversary.CIPHERTEXT_ONLY, ciphertext_only) + _of_insider(ciphertext_only, [])


def _over_keys(gate: Gate, tried: Sequence[Gate], *, certain: bool) -> Gate:
    """Hold a gate against the same attacks under other owners' keys.

    A verdict is one on the spec: what holds under one key and not under the next is undecided, whichever of them the
    owner happens to hold, unless what was found under the owner's own is certain.

    Args:
        gate: by all attacks under the owner's key.
        tried: by the attacks that were made under other keys, too: under the owner's key, then under each other.
        certain: whether the threshold is missed even where the lower ends of intervals stand for the figures.
    """
    reached = tuple(gate_of_key.got for gate_of_key in tried if gate_of_key.got is not None)
    if len(reached) < len(tried):
        return gate
    verdicts, agreed = {gate_of_key.verdict for gate_of_key in tried}, gate.verdict
    if (agreed is Verdict.MET and verdicts != {Verdict.MET}) or (
        agreed is Verdict.MISSED and not certain and verdicts != {Verdict.MISSED}
    ):
        agreed = Verdict.UNDECIDED
    return gate.model_copy(update={"verdict": agreed, "over_keys": reached})


def _at_least(row: TriedUnderKeys) -> TriedUnderKeys:
    """The row with the lower ends of its intervals in place of its means."""
    figures = {"top1": row.top1} if isinstance(row, MatchRow) else {"detail": row.detail, "edges": row.edges}
    return row.model_copy(
        update={
            name: estimate.model_copy(update={"mean": estimate.low})
            for name, estimate in figures.items()
            if estimate is not None
        }
    )


def gates_of_one(adversary: Adversary, rows: Sequence[AttackRow]) -> tuple[Gate, ...]:
    """Return the ciphertext-only adversary's gates, judged by all rows given."""
    reconstructed = [row for row in rows if isinstance(row, ReconstructRow)]
    matches = [row for row in rows if isinstance(row, MatchRow)]
    labels = [row for row in matches if row.attack.family == LABELS_ONLY]
    matched = [row for row in matches if row.attack.family != LABELS_ONLY]
    return (
        *_leaking((MEAN, WORST), adversary, reconstructed),
        _gate(MATCHING, adversary, _matching_threshold(labels), [_on_average(row, row.top1) for row in matched]),
        *_recognising((FACES, IDENTITY, TEXT), adversary, reconstructed),
    )


def mean_leakage(row: ReconstructRow) -> float | None:
    """Mean leakage L of a reconstruction, the greater of detail and edges; None if the row does not count."""
    return _on_average(row, row.detail, row.edges).got


def worst_leakage(row: ReconstructRow) -> float | None:
    """Leakage L of the worst 5 % of images, the greater of detail and edges; None if the row does not count."""
    return _most([estimate.worst for estimate in _counted(row, row.detail, row.edges)])


def _leaking(names: tuple[str, str], adversary: Adversary, reconstructed: Sequence[ReconstructRow]) -> tuple[Gate, ...]:
    mean, worst = names
    return (
        _gate(mean, adversary, MEAN_THRESHOLD, [_on_average(row, row.detail, row.edges) for row in reconstructed]),
        _gate(
            worst, adversary, WORST_THRESHOLD, [_Reached(row.attack.name, worst_leakage(row)) for row in reconstructed]
        ),
    )


def _recognising(
    names: tuple[str, str, str],
    adversary: Adversary,
    reconstructed: Sequence[ReconstructRow],
    trained: Sequence[DecideRow] = (),
) -> tuple[Gate, ...]:
    """A row at which nobody looked does not count; recognisers that were trained on codes tell people apart, too."""
    faces, identity, text = names
    looked = [(row, row.recognised or Recognised()) for row in reconstructed]
    return (
        _gate(faces, adversary, FACES_THRESHOLD, [_faces(row, recognised) for row, recognised in looked]),
        _gate(
            identity,
            adversary,
            IDENTITY_THRESHOLD,
            [*(_identity(row, recognised) for row, recognised in looked), *map(_told, trained)],
        ),
        _gate(text, adversary, TEXT_THRESHOLD, [_text(row, recognised) for row, recognised in looked]),
    )


def _faces(row: ReconstructRow, recognised: Recognised) -> _Reached:
    faces = recognised.faces
    if faces is None or not faces.faces:
        return _Reached(row.attack.name, None, reason=NO_FACE if faces else recognised.reason)
    return _Reached(row.attack.name, faces.found / faces.faces if row.evaluated else None)


def _identity(row: ReconstructRow, recognised: Recognised) -> _Reached:
    verification = recognised.faces.verification if recognised.faces else None
    if verification is None:
        return _Reached(
            row.attack.name, None, reason=recognised.faces.reason if recognised.faces else recognised.reason
        )
    figures = (verification.auc, verification.high, verification.low)
    known = row.evaluated and all(map(math.isfinite, figures))
    return _Reached(row.attack.name, *figures) if known else _Reached(row.attack.name, None)


def _told(row: DecideRow) -> _Reached:
    figures = (row.auc.mean, row.auc.high, row.auc.low) if row.auc else ()
    known = row.evaluated and figures and all(map(math.isfinite, figures))
    return _Reached(row.attack.name, *figures) if known else _Reached(row.attack.name, None)


def _text(row: ReconstructRow, recognised: Recognised) -> _Reached:
    text = recognised.text
    if text is None or not text.words:
        return _Reached(row.attack.name, None, reason=NO_TEXT if text else recognised.reason)
    return _Reached(row.attack.name, text.read / text.words if row.evaluated else None)


def _matching_threshold(labels: Sequence[MatchRow]) -> float | None:
    """Return the share that labels alone or chance tell, and the margin; None if that is all, or not known."""
    shares = [max(row.top1.mean, 1 / row.candidates) for row in labels if row.top1 is not None and row.candidates]
    threshold = max(shares, default=1.0) + MATCHING_MARGIN
    return threshold if threshold < 1 else None


def _on_average(row: TriedUnderKeys, *estimates: Estimate | None) -> _Reached:
    counted = _counted(row, *estimates)
    got, high = _most([estimate.mean for estimate in counted]), _most([estimate.high for estimate in counted])
    return _Reached(row.attack.name, None) if got is None or high is None else _Reached(row.attack.name, got, high)


def _counted(row: TriedUnderKeys, *estimates: Estimate | None) -> list[Estimate]:
    """All of them, or, unless the row was evaluated and has them all, none."""
    there = [estimate for estimate in estimates if estimate is not None]
    return there if row.evaluated and len(there) == len(estimates) else []


def _most(figures: list[float]) -> float | None:
    return max(figures) if figures and all(map(math.isfinite, figures)) else None


def _gate(name: str, adversary: Adversary, threshold: float | None, reached: Sequence[_Reached]) -> Gate:
    counted = [(reach.got, reach.by) for reach in reached if reach.got is not None]
    got, by = max(counted, default=(None, ""))
    high = max((reach.high for reach in reached if reach.high is not None), default=None)
    beyond = [reach for reach in reached if reach.got is not None and threshold is not None and reach.got > threshold]
    if got is None or threshold is None:
        verdict = Verdict.NOT_EVALUATED
    elif any(reach.low is None or reach.low > BY_CHANCE for reach in beyond):
        verdict = Verdict.MISSED
    elif len(counted) < len(reached):
        verdict = Verdict.NOT_EVALUATED
    else:
        verdict = Verdict.UNDECIDED if beyond or (high is not None and high > threshold) else Verdict.MET
    reason = "" if counted else next((reach.reason for reach in reached if reach.reason), "")
    return Gate(
        name=name, adversary=adversary, threshold=threshold, got=got, high=high, verdict=verdict, by=by, reason=reason
    )
