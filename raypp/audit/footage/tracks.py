"""Tracks: boxes of one person or face over time, told apart by where they are from one frame to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.geometry.boxes import box_iou

Corners: TypeAlias = npt.NDArray[np.float32]
"""float32[P, 4]: left, top, right and bottom, in pixels."""
Spot: TypeAlias = tuple[int, int]
"""A frame's place among all, and a box's place among its."""

_SAME = 0.3
"""Overlap from which a box goes on from the one before."""
_LOST_US = 1_500_000
"""How long someone may not be found and still be taken for the same where found again."""


@dataclass
class _Open:
    """A track that may go on."""

    corners_4: Corners
    seen_us: int
    spots: list[Spot] = field(default_factory=list)


def tracked(boxes: Sequence[Corners], times_us: Sequence[int]) -> list[list[Spot]]:
    """Put boxes of consecutive frames together to tracks: of all overlaps with the boxes before, the greatest first.

    Greedy matching by overlap (Bochinski et al., High-speed tracking-by-detection without using image information,
    AVSS 2017), with patience: a track lives on for a second and a half in which its box is not found.

    Args:
        boxes: of each frame.
        times_us: when each frame was taken, rising.

    Returns:
        The tracks in the order in which they begin, each with its boxes in order of time.
    """
    tracks: list[_Open] = []
    for frame, (corners_P4, now_us) in enumerate(zip(boxes, times_us, strict=True)):
        alive = [candidate for candidate in tracks if now_us - candidate.seen_us <= _LOST_US]
        shared = box_iou(np.array([candidate.corners_4 for candidate in alive]).reshape(-1, 4), corners_P4)
        left = set(range(len(corners_P4)))
        while shared.size and shared.max() >= _SAME:
            track, box = (int(place) for place in np.unravel_index(shared.argmax(), shared.shape))
            shared[track], shared[:, box] = 0, 0
            left.discard(box)
            alive[track].corners_4, alive[track].seen_us = corners_P4[box], now_us
            alive[track].spots.append((frame, box))
        tracks += [_Open(corners_P4[box], now_us, [(frame, box)]) for box in sorted(left)]
    return [candidate.spots for candidate in tracks]
