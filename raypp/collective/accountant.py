"""Accounting of differential privacy, by the accountants of opacus: RDP, and PRV beside it.

Its third one, by Gaussian differential privacy, may lie below the truth, and is not used.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from raypp.errors import OptionError

MOST_NOISE = 1e6
_ORDERS = (*(1 + x / 10 for x in range(1, 100)), *range(12, 64), *(1 << power for power in range(6, 13)))
"""Those of opacus by default, and larger ones, without which no epsilon below 0.2 can be seen."""
_FINE = 10_000


class NoisedRounds(NamedTuple):
    """Some rounds of a training.

    Attributes:
        noise: deviation of the sum's noise, in lengths of the clip.
        sample: chance of a unit to be in a round.
        rounds: how many.
    """

    noise: float
    sample: float
    rounds: int


def epsilon_of(history: Sequence[NoisedRounds], delta: float) -> float:
    """Return what rounds have spent, by Renyi divergences; 0 for none. Raises OptionError without opacus."""
    counted = _counted(history)
    if not counted:
        return 0.0
    accountant = _accountants().RDPAccountant()
    accountant.history = counted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the best order is the last one where next to nothing was spent
        return float(accountant.get_epsilon(delta=delta, alphas=list(_ORDERS)))


def epsilon_by_loss(history: Sequence[NoisedRounds], delta: float) -> float | None:
    """Return an upper bound of what rounds have spent, by the privacy loss itself; 0 for no rounds.

    None where opacus cannot reckon it: for the largest and smallest amounts of noise.
    """
    counted = _counted(history)
    if not counted:
        return 0.0  # the accountant raises
    accountant = _accountants().PRVAccountant()
    accountant.history = counted
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            epsilon = float(accountant.get_epsilon(delta=delta))
    except (ArithmeticError, MemoryError, RuntimeError, ValueError):
        return None
    return epsilon if math.isfinite(epsilon) and epsilon >= 0 else None


def noise_for(epsilon: float, delta: float, sample: float, rounds: int) -> float:
    """Return the least noise with which rounds spend no more than an epsilon, in steps of 0.0001.

    Raises:
        OptionError: if no noise is enough.
    """

    def spends(steps: int) -> float:
        return epsilon_of((NoisedRounds(steps / _FINE, sample, rounds),), delta)

    low, high = 0, _FINE
    while spends(high) > epsilon:
        low, high = high, 2 * high
        if high > MOST_NOISE * _FINE:
            raise OptionError(
                f"epsilon {epsilon:g} at delta {delta:g} cannot be met in {rounds} rounds, whatever the noise; "
                "have a larger epsilon, a larger delta, or fewer rounds"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if spends(middle) <= epsilon else (middle, high)
    return high / _FINE


def _counted(history: Sequence[NoisedRounds]) -> list[tuple[float, float, int]]:
    return [(rounds.noise, rounds.sample, rounds.rounds) for rounds in history if rounds.rounds]


def _accountants() -> Any:
    """Return opacus' module of accountants."""
    try:
        from opacus import accountants  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise OptionError("a plan with dp needs opacus; install raypp[cluster,collective]") from None
    return accountants
