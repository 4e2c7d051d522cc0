"""The time that a live camera's frames carry: the site's clock, except while it has jumped and may jump back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

JUMP_US = 60_000_000
"""A change of the clock larger than this, beyond the time that has passed, is a jump; a smaller one is followed."""
AHEAD_LASTS_US = 60_000_000
"""A jump ahead is believed once it has lasted so long."""
BACK_LASTS_US = 5_000_000
"""A jump back is believed sooner: it is what puts a wrong clock right."""


class ClockStep(Enum):
    """The fate of a jump of the clock.

    DOUBTED: the clock has jumped, and is not believed yet; OVER: it is back where it should be.
    AHEAD: the jump has lasted and is believed. BACK: the same of a jump back; the time given has run back with it.
    """

    DOUBTED = auto()
    OVER = auto()
    AHEAD = auto()
    BACK = auto()


@dataclass(frozen=True)
class Doubt:
    """A jump that is not believed yet: by how much (negative: back), and since when on the monotonic clock."""

    by_us: int
    since_us: int


@dataclass(frozen=True)
class ClockState:
    """The values that judge the next reading.

    Attributes:
        last_us: the time given last, microseconds since 1970; negative before the first.
        at_us: the monotonic clock at that moment; None where it was another process's and is not known.
        doubt: the jump that is being doubted, or None.
    """

    last_us: int
    at_us: int | None = None
    doubt: Doubt | None = None


@dataclass(frozen=True)
class ClockReading:
    """One moment.

    Attributes:
        now_us: the time to stamp a frame with, microseconds since 1970. Above the last one, but with `ClockStep.BACK`.
        state: for the next reading.
        step: what became of a jump at this reading, or None.
        off_us: the site's clock minus the time expected.
    """

    now_us: int
    state: ClockState
    step: ClockStep | None
    off_us: int


def read_clock(state: ClockState, wall_us: int, at_us: int) -> ClockReading:
    """Decide which time it is.

    A clock that differs by no more than a minute from the time expected is followed; where that would not rise, time
    runs at half its pace until the clock has caught up. A jump of more is not believed before it has lasted; meanwhile
    time goes on by the monotonic clock.

    Args:
        state: of the reading before.
        wall_us: the site's clock, microseconds since 1970.
        at_us: the monotonic clock, in microseconds.
    """
    if state.last_us < 0:
        return _given(wall_us, at_us, None, 0)
    if state.at_us is None:  # nobody knows how long ago: any time may have passed, but none can have run back
        off_us = min(0, wall_us - state.last_us)
        if off_us < -JUMP_US:
            return _given(wall_us, at_us, ClockStep.BACK, off_us)
        return _given(max(wall_us, state.last_us + 1), at_us, None, off_us)
    passed_us = max(1, at_us - state.at_us)
    expected_us = state.last_us + passed_us
    off_us = wall_us - expected_us
    if abs(off_us) <= JUMP_US:
        now_us = wall_us if wall_us > state.last_us else state.last_us + max(1, passed_us // 2)
        return _given(now_us, at_us, None if state.doubt is None else ClockStep.OVER, off_us)
    doubt = state.doubt
    if doubt is None or abs(off_us - doubt.by_us) > JUMP_US:
        doubt = Doubt(off_us, at_us)
    if at_us - doubt.since_us < (AHEAD_LASTS_US if off_us > 0 else BACK_LASTS_US):
        step = None if doubt is state.doubt else ClockStep.DOUBTED
        return ClockReading(expected_us, ClockState(expected_us, at_us, doubt), step, off_us)
    return _given(wall_us, at_us, ClockStep.AHEAD if off_us > 0 else ClockStep.BACK, off_us)


def as_utc(time_us: int) -> str:
    """A time as people read it, to the second, in UTC; `raypp report` and the log agree on it."""
    try:
        return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{time_us} us since 1970"


def _given(now_us: int, at_us: int, step: ClockStep | None, off_us: int) -> ClockReading:
    return ClockReading(now_us, ClockState(now_us, at_us), step, off_us)
