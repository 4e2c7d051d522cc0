"""All that is known of one lane in a range of time, and its sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum

import numpy as np
import numpy.typing as npt

from raypp.usage.coverage import StateSums, ThreeStates
from raypp.usage.episode import CloseReason, EpisodeState
from raypp.usage.episodes import Episodes, Integers
from raypp.usage.report import Durations, LaneReport
from raypp.usage.rules import Mode
from raypp.usage.span_arrays import SpanArray, at_least

_UNKNOWN_END = np.array([CloseReason.NOT_OBSERVED, CloseReason.END_OF_STREAM, CloseReason.REPLACED,
                         CloseReason.SETTINGS, CloseReason.SILENT])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Uses:
    """When episodes were, and how they ended: what their sums need.

    Attributes:
        start_us, end_us: int64 [N], by start.
        state, reason: int8 [N], as in `Episodes`.
    """

    start_us: Integers
    end_us: Integers
    state: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]

    @classmethod
    def of(cls, episodes: Episodes, some: npt.NDArray[np.bool_]) -> "Uses":
        """Take some of many episodes, which are in order."""
        return cls(episodes.start_us[some], episodes.end_us[some], episodes.state[some], episodes.reason[some])


@dataclass(frozen=True)
class LaneRecord:
    """One lane.

    Attributes:
        camera, tool, station: its names.
        mode: when it counts as in use; None where the settings do not name it any more.
        observed: when its camera saw.
        uses: its episodes.
    """

    camera: str
    tool: str
    station: str
    mode: Mode | None
    observed: SpanArray
    uses: Uses

    @cached_property
    def used(self) -> SpanArray:
        """When it was in use."""
        return at_least(1, [np.column_stack((self.uses.start_us, self.uses.end_us))])

    def report(self, from_us: int, to_us: int) -> LaneReport:
        """Sum it up."""
        states, count, lasted = UseSums([self]).between(from_us, to_us)
        return LaneReport(
            camera=self.camera,
            tool=self.tool,
            station=self.station,
            mode=self.mode.value if self.mode else None,
            used=count > 0,
            states=states,
            episodes=count,
            open=int(np.count_nonzero(self.uses.state == int(EpisodeState.OPEN))),
            provisional=int(np.count_nonzero(self.uses.state == int(EpisodeState.PROVISIONAL))),
            durations=lasted,
        )


class UseSums:
    """Uses of one lane, or of several together, summed up over any stretch of time.

    Args:
        lanes: one at least.
    """

    def __init__(self, lanes: Sequence[LaneRecord]) -> None:
        self._states = StateSums([(lane.used, lane.observed) for lane in lanes])
        starts, ends = (np.concatenate([getattr(lane.uses, name) for lane in lanes]) for name in ("start_us", "end_us"))
        known = [
            (lane.uses.state == int(EpisodeState.FINAL)) & ~np.isin(lane.uses.reason, _UNKNOWN_END) for lane in lanes
        ]
        order = starts.argsort(kind="stable")
        self._starts, self._ends = starts[order], ends[order]
        self._ends_known = np.concatenate(known)[order]
        self._latest = np.maximum.accumulate(self._ends)  # rising, as the ends themselves may not be

    def between(self, from_us: int, to_us: int) -> tuple[ThreeStates, int, Durations]:
        """Sum up: how much of the time it was used, how many episodes have a part in it, and how long they lasted."""
        first = int(self._latest.searchsorted(from_us, "right"))
        last = int(self._starts.searchsorted(to_us, "left"))
        starts, ends = self._starts[first:last], self._ends[first:last]
        reach = ends > from_us
        whole = self._ends_known[first:last] & reach & (starts >= from_us) & (ends <= to_us)
        count = int(np.count_nonzero(reach))
        return self._states.between(from_us, to_us), count, _durations((ends - starts)[whole])


def _durations(lasted_us: Integers) -> Durations:
    """Sum up how long uses lasted whose start and end were seen, in microseconds."""
    lengths: list[float] = (np.sort(lasted_us) / 1e6).tolist()
    if not lengths:
        return Durations(count=0, mean_s=None, min_s=None, p10_s=None, p50_s=None, p90_s=None, max_s=None)
    return Durations(
        count=len(lengths),
        mean_s=fsum(lengths) / len(lengths),
        min_s=lengths[0],
        p10_s=percentile(lengths, 0.1),
        p50_s=percentile(lengths, 0.5),
        p90_s=percentile(lengths, 0.9),
        max_s=lengths[-1],
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of sorted values lies, linearly interpolated between neighbours.

    Args:
        ordered: at least one value, sorted.
        share: 0 to 1.
    """
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
