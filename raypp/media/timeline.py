"""Decoded frames on one rising line of presentation time, whatever the container makes of time."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import TypeVar

from raypp.errors import MediaError

F = TypeVar("F")

_MOST_REORDERED = 16  # H.264 and H.265 hold at most 16 frames back
_JITTER_US = 1_000_000
_LONGEST_GAP = 24
"""A counter that seems to skip more than this part of its range has not overflown: the clock was set back."""
_LONGEST_BACK = 1 << 13


@dataclass
class DecodeReport:
    """Events while decoding.

    Attributes:
        decoded: frames that came out of the decoder.
        damaged: packets that could not be decoded, frames without a time of their own, and a missing end.
        end_us: when the last frame stops being shown, or None before the first.
    """

    decoded: int = 0
    damaged: int = 0
    end_us: int | None = None


class Unwrapped:
    """Carries times on where a counter of ticks overflows: 33 bits of 90 kHz in MPEG streams are 26.5 hours.

    A time is taken for one past the overflow only if that makes it follow its forerunner within a 24th of the range
    (an hour); a clock that was set back falls further, and keeps the time that it gives.

    Args:
        start: the first time, in ticks.
        bits: width of the counter, or None for one that never overflows.
    """

    def __init__(self, start: int, bits: int | None) -> None:
        self._last = start
        self._range = None if bits is None else 1 << bits

    def __call__(self, ticks: int) -> int:
        """Return the time in ticks as a counter without end would have it; call it in the order of frames."""
        if self._range is None:
            return ticks
        turns, last = divmod(self._last, self._range)
        step = ticks % self._range - last
        if step < 0 and step + self._range <= self._range // _LONGEST_GAP:
            step += self._range
        elif step > 0 and step - self._range >= -(self._range // _LONGEST_BACK):
            step -= self._range  # a frame from just before the overflow that is shown after it
        self._last = turns * self._range + last + step
        return self._last


def checked(frames: Iterable[tuple[F, int | None]], report: DecodeReport) -> Iterator[tuple[F, int]]:
    """Take the times of a container that stores them.

    A frame at or before the time of an earlier one can never be shown: it is left out, and counted as damage.

    Args:
        frames: frames in the order in which they are shown, with their times in microseconds.
        report: counts the damage.

    Raises:
        MediaError: if a frame has no time.
    """
    last_us: int | None = None
    for frame, timestamp_us in frames:
        if timestamp_us is None:
            raise MediaError("a frame has no presentation time; remux the file into mp4 or mkv")
        if last_us is not None and timestamp_us <= last_us:
            report.damaged += 1
            continue
        last_us = timestamp_us
        yield frame, timestamp_us


def sorted_times(frames: Iterable[tuple[F, int | None]]) -> Iterator[tuple[F, int | None]]:
    """Put times in order where a container (AVI) numbers frames as they are coded and not as they are shown.

    Frames come in the order in which they are shown; their times are a permutation within the decoder's reordering.
    """
    waiting: deque[F] = deque()
    times: list[int] = []
    for frame, timestamp_us in frames:
        if timestamp_us is None:
            yield frame, None
            continue
        waiting.append(frame)
        if len(times) < _MOST_REORDERED:
            heappush(times, timestamp_us)
        else:
            yield waiting.popleft(), heappushpop(times, timestamp_us)
    yield from zip(waiting, sorted(times), strict=True)


def mended(frames: Iterable[tuple[F, int | None]], interval_us: int) -> Iterator[tuple[F, int]]:
    """Make times rise where a container's may repeat, be missing, or start anew in the middle (MPEG streams).

    A time that falls back by less than a second is jitter and is moved just past its forerunner; one that falls back
    further is a clock that was set back, and all that follow are moved on with it.

    Args:
        frames: frames in the order in which they are shown, with their times in microseconds or None.
        interval_us: nominal time between frames.
    """
    shift_us, last_us = 0, -interval_us
    for frame, given_us in frames:
        timestamp_us = last_us + interval_us if given_us is None else given_us + shift_us
        if timestamp_us + _JITTER_US <= last_us:
            shift_us += last_us + interval_us - timestamp_us
            timestamp_us = last_us + interval_us
        last_us = max(timestamp_us, last_us + 1)
        yield frame, last_us
