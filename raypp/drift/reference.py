"""Reference: what a camera's codes and detections are like, and how far apart its quiet periods lie.

Each quiet period is measured against the mean of the others. So the spread of these distances is what a further quiet
period shows, and no threshold is chosen by hand.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from raypp.drift.distance import EVERYWHERE, SOMEWHERE, log_block_distances, log_distances
from raypp.drift.profile import Floats, Profile, ProfileKind, Subject, mean_tables

LEAST_PERIODS = 5
_PRIOR_PERIODS = 8
"""Weight of the spread of all cameras in that of one camera, in periods."""
_LEAST_SPREAD = 0.05
"""Of logarithms of distances: less is chance, among few periods."""


@dataclass(frozen=True, eq=False)
class SubjectReference:
    """Facts about the quiet periods of one subject.

    Attributes:
        subject: whose.
        periods: names of its quiet periods.
        tables: their mean, by name.
        logs: float64[N] by part: each period's log distance from the mean of the others.
        block_logs: float64[blocks], mean log distance of each block; empty for detections.
        classes: of the detector.
    """

    subject: Subject
    periods: tuple[str, ...]
    tables: Mapping[str, Floats]
    logs: Mapping[str, Floats]
    block_logs: Floats
    classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, profiles: Sequence[Profile]) -> "SubjectReference":
        """Learn from the profiles of a subject's quiet periods, `LEAST_PERIODS` of them at least."""
        others = [mean_tables([*profiles[:number], *profiles[number + 1 :]]) for number in range(len(profiles))]
        pairs = list(zip(profiles, others, strict=True))
        blocks = np.stack([log_block_distances(profile, mean) for profile, mean in pairs])
        parts = [log_distances(profile, mean) for profile, mean in pairs]
        logs = {name: np.array([part[name] for part in parts]) for name in parts[0]}
        if blocks.size:
            usual = (blocks.sum(axis=0) - blocks) / (len(blocks) - 1)
            logs |= {name: np.array(values) for name, values in block_parts(blocks - usual).items()}
        first = profiles[0]
        names = tuple(profile.period for profile in profiles)
        return cls(first.subject, names, mean_tables(profiles), logs, blocks.mean(axis=0), first.classes)

    def distances(self, profile: Profile) -> tuple[dict[str, float], Floats]:
        """Return the log distance of each part of a further period, and the excess of each block, float64[blocks]."""
        logs = log_distances(profile, self.tables)
        excess = log_block_distances(profile, self.tables) - self.block_logs
        if excess.size:
            logs |= {name: float(value) for name, value in block_parts(excess).items()}
        return logs, excess


def block_parts(excess: Floats) -> dict[str, Floats]:
    """Return the parts of codes that depend on blocks, of log distances above the usual, float64[..., blocks]."""
    return {EVERYWHERE: excess.mean(axis=-1), SOMEWHERE: excess.max(axis=-1)}


@dataclass(frozen=True)
class Spread:
    """How a part's quiet log distances are spread over all subjects of a kind.

    Attributes:
        deviation: pooled standard deviation within a subject.
        outer: the second greatest t of a quiet period among the others of its subject: one odd day is allowed.
        periods: how many there are.
    """

    deviation: float
    outer: float
    periods: int


def spreads(references: Iterable[SubjectReference]) -> dict[tuple[ProfileKind, str], Spread]:
    """Pool the spread of each part over the subjects of each kind; parts that no subject can judge are left out."""
    values: dict[tuple[ProfileKind, str], list[Floats]] = defaultdict(list)
    for reference in references:
        for name, logs in reference.logs.items():
            known = logs[np.isfinite(logs)]
            if len(known) >= LEAST_PERIODS:
                values[reference.subject.kind, name].append(known)
    pooled = {}
    for key, groups in values.items():
        freedom = sum(len(known) - 1 for known in groups)
        squares = sum(float(((known - known.mean()) ** 2).sum()) for known in groups)
        deviation = max(sqrt(squares / freedom), _LEAST_SPREAD)
        outer = sorted(score for known in groups for score in _left_out(known, deviation))[-2]
        pooled[key] = Spread(deviation, outer, sum(map(len, groups)))
    return pooled


def place_among(log: float, known: Floats, pooled: float) -> tuple[float, float, int]:
    """Place a log distance among a subject's quiet ones.

    Args:
        log: of a further period.
        known: float64[N], of the quiet periods.
        pooled: deviation of all subjects.

    Returns:
        its Student's t for a further observation; how many times the distance is the usual; degrees of freedom.
    """
    own = float(((known - known.mean()) ** 2).sum())
    freedom = _PRIOR_PERIODS + len(known) - 1
    deviation = max(sqrt((_PRIOR_PERIODS * pooled**2 + own) / freedom), _LEAST_SPREAD)
    above = log - float(known.mean())
    return above / (deviation * sqrt(1 + 1 / len(known))), float(np.exp(above)), freedom


def _left_out(known: Floats, pooled: float) -> list[float]:
    """Return the t of each period among the others."""
    others = ((number, np.delete(known, number)) for number in range(len(known)))
    return [place_among(float(known[number]), rest, pooled)[0] for number, rest in others]
