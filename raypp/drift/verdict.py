"""Verdict: which periods of which cameras drifted, with the chance of any false alarm bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t as student

from raypp.drift.profile import Floats, Profile, ProfileKind, Subject
from raypp.drift.reference import LEAST_PERIODS, Spread, SubjectReference, place_among, spreads


@dataclass(frozen=True)
class PartVerdict:
    """One part of a profile beside its reference.

    Attributes:
        name: of the part.
        ratio: how many times its distance is the usual.
        p: chance of such a distance, or a greater one, in a quiet period.
        beyond: whether at most one quiet period of all subjects is further out.
    """

    name: str
    ratio: float
    p: float
    beyond: bool


@dataclass(frozen=True, eq=False)
class ProfileVerdict:
    """A profile beside its reference.

    Attributes:
        profile: the profile.
        reference: what it was compared with.
        parts: those that could be judged.
        excess: float64[blocks], log distance of each block above its usual one; empty for detections.
        p: chance of any part so far out.
        adjusted_p: the same, for all profiles of the check together, by Holm.
        drifted: whether it is below `alpha`, by a part that is `beyond`.
    """

    profile: Profile
    reference: SubjectReference
    parts: tuple[PartVerdict, ...]
    excess: Floats
    p: float
    adjusted_p: float = 1.0
    drifted: bool = False


def judge(
    references: Mapping[Subject, SubjectReference], profiles: Sequence[Profile], alpha: float
) -> list[ProfileVerdict]:
    """Judge profiles, each of a subject that has a reference.

    Args:
        references: by subject; all of them, also those of other subjects, tell how quiet periods are spread.
        profiles: of one check: `alpha` is for all of them together.
        alpha: chance of any false alarm among them.
    """
    pooled = spreads(references.values())
    judged = [_verdict(profile, references[profile.subject], pooled) for profile in profiles]
    order = sorted(range(len(judged)), key=lambda number: judged[number].p)
    least, done = 0.0, {}
    for rank, number in enumerate(order):
        least = max(least, min(1.0, judged[number].p * (len(judged) - rank)))
        done[number] = least
    return [_decided(verdict, done[number], alpha) for number, verdict in enumerate(judged)]


def _decided(verdict: ProfileVerdict, adjusted_p: float, alpha: float) -> ProfileVerdict:
    furthest = min(verdict.parts, key=lambda part: part.p, default=None)
    beyond = furthest is not None and furthest.beyond
    return replace(verdict, adjusted_p=adjusted_p, drifted=adjusted_p <= alpha and beyond)


def _verdict(
    profile: Profile, reference: SubjectReference, pooled: Mapping[tuple[ProfileKind, str], Spread]
) -> ProfileVerdict:
    logs, excess = reference.distances(profile)
    parts = []
    for name, log in logs.items():
        known = reference.logs[name][np.isfinite(reference.logs[name])]
        spread = pooled.get((profile.subject.kind, name))
        if spread is None or not np.isfinite(log) or len(known) < LEAST_PERIODS:
            continue
        score, ratio, freedom = place_among(log, known, spread.deviation)
        parts.append(PartVerdict(name, ratio, float(student.sf(score, freedom)), score > spread.outer))
    chance = min((part.p for part in parts), default=1.0) * max(len(parts), 1)
    return ProfileVerdict(profile, reference, tuple(parts), excess, min(chance, 1.0))


def changed_blocks(verdict: ProfileVerdict) -> tuple[int, ...]:
    """Return the numbers of the blocks whose distance grew by half as much as that of the most changed one, at least.

    Both in logarithms; none where no block is further away than usual.
    """
    most = float(verdict.excess.max(initial=0.0))
    return tuple(int(block) for block in np.flatnonzero(verdict.excess >= most / 2)) if most > 0 else ()
