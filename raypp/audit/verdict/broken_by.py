"""How many known pairs break the thresholds that hold against a ciphertext-only adversary."""

from collections.abc import Sequence
from dataclasses import dataclass

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow
from raypp.audit.verdict.gates import Gate, Verdict, gates_of_one, judge_gates
from raypp.text.wording import counted


@dataclass(frozen=True)
class PairsNeeded:
    """How many known pairs break one of the ciphertext-only adversary's thresholds.

    Attributes:
        name: of the gate.
        pairs: the fewest of those tried with which some attack goes beyond the threshold; 0 if it is broken without any
            pair, None if the most that were tried do not break it.
        tried: the most that were tried.
        got: the most that is reached with so many.
        by: the attack that reaches it.
    """

    name: str
    pairs: int | None
    tried: int
    got: float
    by: str

    @property
    def verdict(self) -> str:
        """Such as `broken by 6 known pairs` or `holds against 100 known pairs, the most that were tried`."""
        if self.pairs == 0:
            return "broken without any pair"
        number = counted(self.pairs or self.tried, "known pair")
        return f"broken by {number}" if self.pairs else f"holds against {number}, the most that were tried"


def pairs_needed(rows: Sequence[AttackRow]) -> tuple[PairsNeeded, ...]:
    """Return how many known pairs break each of the ciphertext-only adversary's thresholds.

    A known-plaintext adversary can make every attack of a ciphertext-only one, too.

    Args:
        rows: of any target and adversary; those of an insider, of a white-box adversary, and on anything but the
            audited veil are left out.

    Returns:
        One for each of those gates that is broken, or of which all attacks were evaluated; none at all if no
        attack by pairs was made.
    """
    needed: dict[int, list[AttackRow]] = {0: []}
    for row in rows:
        if row.is_veil and row.adversary in {Adversary.CIPHERTEXT_ONLY, Adversary.KNOWN_PLAINTEXT}:
            needed.setdefault(row.attack.pairs or 0, []).append(row)
    if len(needed) == 1:
        return ()
    without, *numbers = sorted(needed)
    steps = [(without, [gate for gate in judge_gates(needed[without]) if gate.adversary is Adversary.CIPHERTEXT_ONLY])]
    for number in numbers:
        able = [row for fewer in sorted(needed) if fewer <= number for row in needed[fewer]]
        steps.append((number, list(gates_of_one(Adversary.KNOWN_PLAINTEXT, able))))
    each = zip(*([(number, gate) for gate in gates] for number, gates in steps), strict=True)
    return tuple(broken for steps_of_gate in each if (broken := _first_broken(steps_of_gate)))


def _first_broken(steps: Sequence[tuple[int, Gate]]) -> PairsNeeded | None:
    """The first step at which a gate is missed, or the last; None if nothing is known."""
    tried, last = steps[-1]
    number, gate = next(((number, gate) for number, gate in steps if gate.verdict is Verdict.MISSED), (None, last))
    if gate.got is None or gate.verdict is Verdict.NOT_EVALUATED:
        return None
    return PairsNeeded(gate.name, number, tried, gate.got, gate.by)
