"""Which frames of a video are taken, and where it is cut into stretches."""

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raypp.media.container import VideoInfo  # it decodes, which is slow to load

_REORDER_FRAMES = 4  # a keyframe is shown at most about this many frames after its index entry's decoding time
END_US = 1 << 62
"""Past any frame, in microseconds."""


class SamplingMode(StrEnum):
    """Which frames of a video are taken."""

    EVERY = "every"
    RATE = "rate"
    KEYFRAMES = "keyframes"


@dataclass(frozen=True)
class Sampling:
    """A sampling mode and, for RATE, the frames per second."""

    mode: SamplingMode
    rate: Fraction | None = None

    def tick(self, timestamp_us: int) -> int:
        """Return the number of the sampling tick that a presentation time falls into; needs a rate."""
        assert self.rate is not None  # noqa: S101
        return timestamp_us * self.rate.numerator // (self.rate.denominator * 1_000_000)

    def next_tick_us(self, timestamp_us: int) -> int:
        """Return the first whole microsecond of a tick that is not before a time; without a rate, the time itself."""
        if self.rate is None:
            return timestamp_us
        tick = -(-timestamp_us * self.rate.numerator // (self.rate.denominator * 1_000_000))
        return -(-tick * 1_000_000 * self.rate.denominator // self.rate.numerator)


def cut_points(info: "VideoInfo", sampling: Sampling, target_us: int) -> tuple[int, ...]:
    """Cut a video into stretches of about `target_us` of presentation time.

    Cuts lie just after keyframes of the index, so that little is decoded twice, and on the sampling grid where there is
    one, so that each sampled frame belongs to exactly one stretch. A container without an index stays whole.

    Returns:
        Boundaries in microseconds, from 0 to past any frame; a pure function of the arguments.
    """
    cuts = [0]
    reorder_us = int(_REORDER_FRAMES * 1_000_000 / info.average_rate)
    wanted = target_us
    while wanted + target_us // 2 <= info.duration_us:
        after = bisect_left(info.keyframes_us, wanted)
        if after == len(info.keyframes_us):
            break
        cut = sampling.next_tick_us(info.keyframes_us[after] + reorder_us)
        if cut >= info.duration_us:
            break
        cuts.append(cut)
        wanted = cut + target_us
    return (*cuts, END_US)
