"""The verdict of an audit in one sentence for each adversary, and what was found beside what the bits could show."""

from collections.abc import Mapping, Sequence

from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow, ReconstructRow
from raypp.audit.verdict.assumptions import (
    CEILING_DETAIL,
    CEILING_DETAIL_WORST,
    CODED_BITS,
    CODED_BITS_PER_PIXEL,
    SILHOUETTES_DETAIL,
    SILHOUETTES_WORST,
    TONED_DETAIL,
    TONED_WORST,
)
from raypp.audit.verdict.gates import Gate, Verdict
from raypp.text.wording import counted

_WHO = {
    Adversary.CIPHERTEXT_ONLY: "a ciphertext-only adversary",
    Adversary.INSIDER: "an insider",
    Adversary.KNOWN_PLAINTEXT: "a known-plaintext adversary",
    Adversary.WHITE_BOX: "a white-box adversary",
}


def headlines(gates: Sequence[Gate]) -> list[str]:
    """Say what became of the thresholds, one sentence for each adversary that has any."""
    sides = ([gate for gate in gates if gate.adversary is adversary] for adversary in Adversary)
    return [_headline(side) for side in sides if side] or ["Not proven: no threshold was judged."]


def yardstick(bounds: Mapping[str, float], rows: Sequence[AttackRow]) -> list[str]:
    """Say what an image codec shows in as many bits, what attacks without pair or key found, and what outlines show.

    Args:
        bounds: of a certificate; what an earlier version did not measure is left out.
        rows: of any target and adversary.
    """
    sentences = []
    if CODED_BITS in bounds:
        sentences.append(
            f"A veiled frame takes {bounds[CODED_BITS]:,.0f} bits, {bounds[CODED_BITS_PER_PIXEL]:.2f} a pixel."
        )
    if CEILING_DETAIL in bounds:
        shown = f"{bounds[CEILING_DETAIL]:.2f} of the detail (worst 5 %: {bounds[CEILING_DETAIL_WORST]:.2f})"
        sentences.append(f"In as many, an image codec shows {shown}.")
    details = [row.detail for row in rows if isinstance(row, ReconstructRow) and row.is_veil and _without_pairs(row)]
    leaked = [detail for detail in details if detail]
    if leaked and (CEILING_DETAIL in bounds or SILHOUETTES_DETAIL in bounds):
        mean, worst = max(detail.mean for detail in leaked), max(detail.worst for detail in leaked)
        sentences.append(f"Attacks without pair or key found {mean:.2f} ({worst:.2f}).")
    if SILHOUETTES_DETAIL in bounds:
        alone = f"{bounds[SILHOUETTES_DETAIL]:.2f} ({bounds[SILHOUETTES_WORST]:.2f})"
        toned = f"{bounds[TONED_DETAIL]:.2f} ({bounds[TONED_WORST]:.2f})"
        sentences.append(f"Outlines of labelled things alone show {alone}, in their own tones {toned}.")
    return [" ".join(sentences)] if sentences else []


def _without_pairs(row: ReconstructRow) -> bool:
    return row.evaluated and row.adversary in {Adversary.CIPHERTEXT_ONLY, Adversary.INSIDER}


def first_look(budget: str) -> list[str]:
    """Say of the least budget that it is a first look; of others nothing."""
    if budget != Budget.QUICK:
        return []
    return ["A first look: few images and little patience. Attacks of budget standard found about twice as much."]


def said_over_keys(gate: Gate) -> str:
    """Say what the same attacks reach where other owners have other keys of this spec; the gate has such figures."""
    here, *others = gate.over_keys
    low, high = min(others), max(others)
    reached = f"under {counted(len(others), 'other key')} {low:.2f} to {high:.2f}, under this one {here:.2f}"
    return f"Attacks that were made under several keys: {reached}{'; keys of this spec differ' if split(gate) else ''}."


def split(gate: Gate) -> bool:
    """Whether the threshold lies among what was reached under the keys that were tried."""
    return gate.threshold is not None and len({got > gate.threshold for got in gate.over_keys}) == 2


def _headline(gates: Sequence[Gate]) -> str:
    """Say of one adversary what became of the thresholds; those that could be about nothing are named apart."""
    pointless = sum(gate.pointless for gate in gates)
    if pointless:
        there = _headline([gate for gate in gates if not gate.pointless])
        return f"{there} {counted(pointless, 'threshold')} more had nothing on these images to be about."
    verdicts, thresholds = [gate.verdict for gate in gates], counted(len(gates), "threshold")
    missed, undecided = verdicts.count(Verdict.MISSED), verdicts.count(Verdict.UNDECIDED)
    open_ = verdicts.count(Verdict.NOT_EVALUATED)
    who = f"Against {_WHO[gates[0].adversary]}"
    if missed:
        return f"{who}: the veil did not hold: {missed} of {thresholds} missed."
    if open_:
        too = f", {undecided} undecided" if undecided else ""
        return f"{who}: not proven: {open_} of {thresholds} could not be evaluated{too}."
    if undecided:
        why = "keys of this spec differ" if any(map(split, gates)) else "the images are too few to tell"
        return f"{who}: not proven: {undecided} of {thresholds} undecided, {why}."
    return f"{who}: the veil held against these attacks: all {thresholds} met."
