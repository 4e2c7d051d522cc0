"""Outlines of labelled things: GrabCut inside their boxes."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import Frames
from raypp.geometry.boxes import Box

_SIDE, _STEPS = 96, 3
"""Longest side at which a thing and its surroundings are cut, in pixels, and steps of GrabCut."""
_AROUND = 4
"""A box is cut with a margin of one so-manieth of its sides."""
_LEAST, _COLOURS = 4, 5
"""Pixels across a box, and pixels of either kind, that GrabCut needs: it tells five colours of each apart."""


@dataclass(frozen=True)
class Outline:
    """A labelled thing and what surrounds it within its box.

    Attributes:
        thing, surroundings: bool[H, W] of the image; together they are the box.
    """

    thing: npt.NDArray[np.bool_]
    surroundings: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, frame: Frames, box: Box) -> "Outline | None":
        """Cut a thing out of an image, uint8[H, W, 3], by GrabCut (Rother, Kolmogorov and Blake, 2004) from its box.

        Colours in a margin around the box teach what is no thing. Where nothing surrounds the box, or all of it is cut
        away, the thing is the box.

        Returns:
            None for a box of less than four pixels across.
        """
        height, width = frame.shape[:2]
        left, right = (min(max(round((box.x + way * box.w) * width), 0), width) for way in (-0.5, 0.5))
        top, bottom = (min(max(round((box.y + way * box.h) * height), 0), height) for way in (-0.5, 0.5))
        if min(right - left, bottom - top) < _LEAST:
            return None
        inside = np.zeros((height, width), dtype=np.bool_)
        inside[top:bottom, left:right] = True
        across, down = (max(_LEAST, side // _AROUND) for side in (right - left, bottom - top))
        around = slice(max(top - down, 0), bottom + down), slice(max(left - across, 0), right + across)
        thing = np.zeros_like(inside)
        thing[around] = _cut(frame[around], inside[around])
        thing &= inside
        return cls(thing, inside & ~thing) if thing.any() else cls(inside, np.zeros_like(inside))


def _cut(crop: Frames, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether each pixel is the thing's, bool of the crop's sides; none where nothing surrounds the box."""
    height, width = inside.shape
    share = min(1.0, _SIDE / max(height, width))
    sides = max(1, round(width * share)), max(1, round(height * share))
    small = cv2.resize(crop, sides, interpolation=cv2.INTER_AREA)
    box = cv2.resize(inside.astype(np.uint8), sides, interpolation=cv2.INTER_NEAREST)
    if min(np.count_nonzero(box), np.count_nonzero(box == 0)) < _COLOURS:
        return np.zeros_like(inside)
    marks = np.where(box, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    cv2.setRNGSeed(0)
    cv2.grabCut(small, marks, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), _STEPS, cv2.GC_INIT_WITH_MASK)
    thing = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return np.asarray(cv2.resize(thing, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5)
