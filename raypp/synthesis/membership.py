"""MembershipAttack: how well an attacker tells the frames that a generator learned from others, by its loss on each."""

import math
from collections.abc import Sequence

from scipy.stats import mannwhitneyu


def membership_auc(learned: Sequence[float], others: Sequence[float]) -> float:
    """Return the chance that a learned frame has a lower loss than another one, in [0, 1]; 0.5 is a guess.

    Args:
        learned: losses of learned frames, at least one.
        others: losses of others, at least one.
    """
    return float(mannwhitneyu(others, learned).statistic / (len(others) * len(learned)))


def guess_error(learned: int, others: int) -> float:
    """Return the standard error of the AUC of a guess, for so many frames of both kinds."""
    return math.sqrt((learned + others + 1) / (12 * learned * others))
