"""Frames kept aside: nobody trains on them, and they say which epoch of a generator is the best."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from raypp.synthesis.frames import RealFrame

_SHARE = 8
"""About one frame of so many is kept aside."""


def keep_aside(frames: Sequence[RealFrame]) -> tuple[list[RealFrame], list[RealFrame]]:
    """Part frames into those that are learned and those kept aside, by a hash of their source.

    Whole sources are kept aside: frames of a video are alike, so one of a learned video says little of what a generator
    makes of others. Where there are too few sources for that, single frames are.

    Args:
        frames: at least two.

    Returns:
        Learned frames and those kept aside, in the order in which they came; neither is empty.
    """
    by_source: dict[str, list[RealFrame]] = defaultdict(list)
    for frame in frames:
        by_source[frame.source].append(frame)
    wanted = max(1, len(frames) // _SHARE)
    chosen = _chosen(by_source, wanted)
    if not wanted <= 2 * len(chosen) <= 4 * wanted:
        chosen = _chosen({frame.sample_id: [frame] for frame in frames}, wanted)
    return [frame for frame in frames if frame.sample_id not in chosen], [
        frame for frame in frames if frame.sample_id in chosen
    ]


def _chosen(groups: dict[str, list[RealFrame]], wanted: int) -> set[str]:
    """Identities of the frames of some groups, by a hash of the groups' names, until there are enough."""
    chosen: set[str] = set()
    for name in sorted(groups, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if len(chosen) >= wanted:
            break
        chosen |= {frame.sample_id for frame in groups[name]}
    return chosen
