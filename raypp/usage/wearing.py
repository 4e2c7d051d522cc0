"""Whether one person wears one item: evidence of frames becomes worn, not worn, or cannot be told.

Evidence adds up to log-odds within bounds. While new evidence contradicts what holds, or none comes, time is undecided:
it is as what follows. So a box that is missed or wrong for a moment changes nothing, and a change begins when it began.
"""

from enum import IntEnum
from math import exp
from typing import NamedTuple

from raypp.usage.violation import CannotTell

_DECIDES = 1.5
"""Log-odds from which on evidence decides."""
_MOST = 3.0
"""Log-odds beyond which no evidence counts: a change is believed after a few frames, whatever came before."""


class Worn(IntEnum):
    """Whether a person wears an item."""

    WORN = 1
    NOT_WORN = 2
    CANNOT_TELL = 3


class Wearing(NamedTuple):
    """Memory about one item of one person.

    Attributes:
        state: what holds.
        doubt: why it cannot be told; of use in that state alone.
        odds: log-odds that the item is worn.
        since_us: since when time is undecided; None where it is not.
        is_silent: whether the newest frame gave no evidence.
    """

    state: int = Worn.CANNOT_TELL
    doubt: int = CannotTell.HIDDEN
    odds: float = 0.0
    since_us: int | None = None
    is_silent: bool = True

    @property
    def sureness(self) -> float:
        """How sure the state is, 0.5 to 1."""
        return 1 / (1 + exp(-abs(self.odds)))


def weigh(now: Wearing, evidence: float, at_us: int) -> Wearing:
    """Take in a frame's evidence.

    Args:
        now: the memory.
        evidence: log-odds; above 0 for worn, below 0 for not worn.
        at_us: when the frame was taken.
    """
    odds = now.odds + evidence
    odds = _MOST if odds > _MOST else max(odds, -_MOST)
    says = Worn.WORN if evidence > 0 else Worn.NOT_WORN
    if says == now.state or (abs(odds) >= _DECIDES and (odds > 0) == (evidence > 0)):
        return Wearing(says, now.doubt, odds, None, False)
    return Wearing(now.state, now.doubt, odds, at_us if now.since_us is None else now.since_us, False)


def keep_silent(now: Wearing, doubt: CannotTell, at_us: int) -> Wearing:
    """Take in a frame that gives no evidence, and why."""
    if now.state == Worn.CANNOT_TELL and now.since_us is None:
        return Wearing(Worn.CANNOT_TELL, doubt, 0.0, None, True)
    return Wearing(now.state, doubt, now.odds, at_us if now.since_us is None else now.since_us, True)
