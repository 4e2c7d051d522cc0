"""Falls: with how many known pairs the bars that hold against an outsider do not hold any more."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow
from raypp.audit.verdict.gates import Gate, Verdict, gates_of_one, judge
from raypp.text.wording import counted

_PAIRS = re.compile(r"\b(\d[\d,]*) pairs?\b")


@dataclass(frozen=True)
class Fall:
    """How many known pairs take one of the outsider's bars down.

    Attributes:
        name: of the gate.
        pairs: the fewest of those tried with which some attack goes beyond the bar; 0 if an outsider needs none, None
            if the most that were tried do not do.
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
    def needed(self) -> str:
        """Such as `with 6 known pairs`."""
        if self.pairs == 0:
            return "without any pair"
        said = f"with {counted(self.pairs or self.tried, 'known pair')}"
        return said if self.pairs else f"{said}, the most that were tried"


def number_of_pairs(attack: str) -> int | None:
    """Number of pairs in an attack's name such as `ridge, 6 pairs`; None if it names none."""
    found = _PAIRS.search(attack)
    return int(found[1].replace(",", "")) if found else None


def falls(rows: Sequence[AttackRow]) -> tuple[Fall, ...]:
    """Tell with how many known pairs each of the outsider's bars falls; who has pairs can do all that an outsider can.

    Args:
        rows: of any veiling and adversary; those of an ML team, of who holds the key and on anything but the audited
            veil are left out.

    Returns:
        One for each of the outsider's gates that falls, or of which all attacks were evaluated; none at all if no
        attack by pairs was made.
    """
    needed: dict[int, list[AttackRow]] = {0: []}
    for row in rows:
        if row.is_veil and row.adversary in {Adversary.OUTSIDER, Adversary.PAIRS}:
            needed.setdefault(number_of_pairs(row.attack) or 0, []).append(row)
    if len(needed) == 1:
        return ()
    without, *numbers = sorted(needed)
    steps = [(without, [gate for gate in judge(needed[without]) if gate.adversary is Adversary.OUTSIDER])]
    for number in numbers:
        able = [row for fewer in sorted(needed) if fewer <= number for row in needed[fewer]]
        steps.append((number, list(gates_of_one(Adversary.PAIRS, able))))
    each = zip(*([(number, gate) for gate in gates] for number, gates in steps), strict=True)
    return tuple(fall for one in each if (fall := _fall(one)))


def _fall(steps: Sequence[tuple[int, Gate]]) -> Fall | None:
    """The first step at which a gate is missed, or the last; None if nothing is known."""
    tried, last = steps[-1]
    number, gate = next(((number, gate) for number, gate in steps if gate.verdict is Verdict.MISSED), (None, last))
    if gate.got is None or gate.verdict is Verdict.NOT_EVALUATED:
        return None
    return Fall(gate.name, number, tried, gate.got, gate.by)
