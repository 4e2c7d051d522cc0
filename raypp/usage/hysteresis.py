"""One lane through time: intervals in use, not in use and not observed become episodes."""

from dataclasses import dataclass, replace

from raypp.usage.episode import CloseReason
from raypp.usage.use import Use


@dataclass(frozen=True, slots=True)
class LaneState:
    """Memory of one lane.

    Attributes:
        tool, station: names of the lane.
        start_us: first moment of the use under way; None where there is none.
        last_us: end of the last interval in use.
        seen_us: time in use since start_us, breaks not counted.
        off_us: since when it has been seen not to be in use, after last_us; None if it has not.
        opened: whether the use has lasted for min_on_s, and is an episode.
        undecided_us: since when it has been undecided whether it is in use; None if it is not.
    """

    tool: str
    station: str
    start_us: int | None = None
    last_us: int = 0
    seen_us: int = 0
    off_us: int | None = None
    opened: bool = False
    undecided_us: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """An episode that has ended."""

    start_us: int
    end_us: int
    seen_us: int
    reason: CloseReason


def step(
    lane: LaneState, start_us: int, end_us: int, used: Use | None, min_on_us: int, max_gap_us: int
) -> tuple[LaneState, Ended | None]:
    """Take one lane over the next interval of time.

    A use is an episode once its time in use exceeds its breaks by min_on_us; where breaks make up for it before, it is
    dropped, so that flicker never adds up to an episode. A break longer than max_gap_us ends an episode at the last
    moment of use.

    Args:
        lane: the lane at start_us.
        start_us: start of the interval, which is the end of the one before.
        end_us: its end, exclusive; it is not empty.
        used: whether the tool is in use in it; None if it was not observed. UNDECIDED time is as what follows it.
        min_on_us: of the lane's rules.
        max_gap_us: of the lane's rules.

    Returns:
        The lane at end_us, and the episode that ended, if one did: because the tool was not used (ENDED), or because
        what happened after its last moment of use was not observed for longer than max_gap_us (NOT_OBSERVED).
    """
    if used is Use.UNDECIDED:
        return (lane if lane.undecided_us is not None else replace(lane, undecided_us=start_us)), None
    if lane.undecided_us is not None:
        start_us = lane.undecided_us
        lane = replace(lane, undecided_us=None)
    if used is Use.YES:
        begun_us, seen_us, opened = lane.start_us, lane.seen_us, lane.opened
        if begun_us is None:
            begun_us, seen_us, opened = start_us, 0, False
        seen_us += end_us - start_us
        opened = opened or _balance(begun_us, seen_us, end_us) >= min_on_us
        return LaneState(lane.tool, lane.station, begun_us, end_us, seen_us, None, opened), None
    if lane.start_us is None:
        return lane, None
    off_us = start_us if lane.off_us is None and used is Use.NO else lane.off_us
    lost = not lane.opened and _balance(lane.start_us, lane.seen_us, end_us) <= 0
    if end_us - lane.last_us <= max_gap_us and not lost:
        return (lane if off_us == lane.off_us else replace(lane, off_us=off_us)), None
    reason = CloseReason.NOT_OBSERVED if off_us is None else CloseReason.ENDED
    ended = Ended(lane.start_us, lane.last_us, lane.seen_us, reason) if lane.opened else None
    return LaneState(lane.tool, lane.station), ended


def _balance(start_us: int | None, seen_us: int, now_us: int) -> int:
    """Time in use since the start less that of breaks."""
    return 2 * seen_us - (now_us - (start_us or 0))
