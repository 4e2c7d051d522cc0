"""Episodes and stretches of one site to its report: fact, sequence and duration, with coverage."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import attrgetter
from statistics import fmean

from raypp.usage.coverage import Sight, sights, three_states
from raypp.usage.episode import CloseReason, Episode, EpisodeState, Stretch
from raypp.usage.lanes import lanes_of
from raypp.usage.overlap import counted_once
from raypp.usage.report import (
    Durations,
    LaneReport,
    ShiftReport,
    SiteReport,
    Step,
    StreamOverlap,
    Transition,
    UseTotal,
    WornReport,
)
from raypp.usage.rules import Mode, ToolRules
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local, shifts_between
from raypp.usage.spans import Spans, length, shared, union, within, without

_UNKNOWN_END = frozenset({CloseReason.NOT_OBSERVED, CloseReason.END_OF_STREAM, CloseReason.REPLACED,
                          CloseReason.SETTINGS, CloseReason.SILENT})  # fmt: skip


def make_usage_report(
    settings: SiteSettings,
    site: str,
    from_us: int,
    to_us: int,
    episodes: Iterable[Episode],
    stretches: Iterable[Stretch],
    cameras: Iterable[str] = (),
) -> SiteReport:
    """Make the report on one site. What several streams of a camera saw at one time is counted once.

    Args:
        settings: of the site; those of today, whatever the episodes were found with.
        site: its name.
        from_us: start of the range in microseconds since 1970; 0 for the beginning of what is known.
        to_us: its end, exclusive; 0 for the end of what is known.
        episodes: those that have a part in the range; others are left out here.
        stretches: likewise.
        cameras: that should have sent frames in the range: they stand in it, not observed, where they did not.
    """
    stretches = list(stretches)
    episodes, overlaps = counted_once(episodes, stretches)
    ordered = sorted(episodes, key=lambda episode: (episode.start_us, episode.end_us, episode.episode_id))
    from_us, to_us = _range(from_us, to_us, ordered, stretches)
    ordered = [episode for episode in ordered if episode.start_us < to_us and episode.end_us > from_us]
    seen = sights(stretches, [*settings.cameras, *cameras, *(episode.stream.camera for episode in ordered)])
    book = _Book(settings, seen, ordered)
    zone = settings.zone
    sequence = book.sequence(from_us, to_us)
    return SiteReport(
        site=site,
        time_zone=settings.time_zone,
        settings_id=settings.settings_id,
        from_us=from_us,
        to_us=to_us,
        start=local(from_us, zone).isoformat(),
        end=local(to_us, zone).isoformat(),
        coverage=[sight.coverage(from_us, to_us) for sight in seen.values()],
        tools=book.totals(from_us, to_us, by_station=False),
        stations=book.totals(from_us, to_us, by_station=True),
        lanes=[lane.report(from_us, to_us) for lane in book.tools],
        worn=book.worn(from_us, to_us),
        shifts=[
            ShiftReport(
                name=shift.name,
                day=shift.day.isoformat(),
                start=local(shift.start_us, zone).isoformat(),
                end=local(shift.end_us, zone).isoformat(),
                start_us=(start := max(shift.start_us, from_us)),
                end_us=(end := min(shift.end_us, to_us)),
                coverage=[sight.coverage(start, end) for sight in seen.values()],
                tools=book.totals(start, end, by_station=False),
                stations=book.totals(start, end, by_station=True),
                worn=book.worn(start, end),
            )
            for shift in shifts_between(settings.shifts, zone, from_us, to_us)
        ],
        sequence=sequence,
        transitions=book.transitions(),
        overlaps=[
            StreamOverlap(
                camera=overlap.camera,
                stream_epoch=overlap.epoch,
                start=local(overlap.start_us, zone).isoformat(),
                end=local(overlap.end_us, zone).isoformat(),
                start_us=overlap.start_us,
                end_us=overlap.end_us,
            )
            for overlap in overlaps
            if overlap.start_us < to_us and overlap.end_us > from_us
        ],
    )


@dataclass(frozen=True)
class _Lane:
    """One lane with all that is known of it."""

    camera: str
    tool: str
    station: str
    mode: Mode | None
    observed: Spans
    used: Spans
    episodes: tuple[Episode, ...]

    @cached_property
    def _latest_us(self) -> list[int]:
        """The latest end among each episode and those before it: rising, as the ends themselves may not be."""
        return list(accumulate((episode.end_us for episode in self.episodes), max))

    def between(self, from_us: int, to_us: int) -> list[Episode]:
        """Return the episodes that have a part between two moments."""
        first = bisect_right(self._latest_us, from_us)
        last = bisect_left(self.episodes, to_us, key=attrgetter("start_us"))
        return [episode for episode in self.episodes[first:last] if episode.end_us > from_us]

    def report(self, from_us: int, to_us: int) -> LaneReport:
        return LaneReport(
            camera=self.camera,
            tool=self.tool,
            station=self.station,
            mode=self.mode.value if self.mode else None,
            used=bool(self.episodes),
            states=three_states([(self.used, self.observed)], from_us, to_us),
            episodes=len(self.episodes),
            open=sum(episode.state is EpisodeState.OPEN for episode in self.episodes),
            provisional=sum(episode.state is EpisodeState.PROVISIONAL for episode in self.episodes),
            durations=_durations(self.episodes, from_us, to_us),
        )


class _Book:
    """All lanes of a site: those that the settings name, and those that episodes tell of."""

    def __init__(self, settings: SiteSettings, seen: dict[str, Sight], episodes: Sequence[Episode]) -> None:
        self._zone = settings.zone
        self._seen = seen
        watched = {
            (camera, lane.tool, lane.station): lane
            for camera in seen
            for lane in lanes_of(settings, camera, settings.tools)
        }
        episodes_of: dict[tuple[str, str, str], list[Episode]] = {key: [] for key in watched}
        for episode in episodes:
            episodes_of.setdefault((episode.stream.camera, episode.tool, episode.station), []).append(episode)
        worn = {name for rules in settings.tools if rules.mode is Mode.WORN for name in (rules.tool, rules.wearer)}
        modes = {rules.tool: rules.mode for rules in settings.tools} if settings.tools else {}
        lanes = []
        for camera, tool, station in sorted(episodes_of):
            known = (camera, tool, station) in watched or not settings.tools
            mode = modes.get(tool, None if settings.tools else Mode.PRESENT) if known else None
            own = tuple(episodes_of[camera, tool, station])
            used = union((episode.start_us, episode.end_us) for episode in own)
            lanes.append(_Lane(camera, tool, station, mode, seen[camera].observed, used, own))
        self.tools = [lane for lane in lanes if lane.tool not in worn]
        self._by_key = {(lane.camera, lane.tool, lane.station): lane for lane in lanes}
        self._equipment: list[tuple[ToolRules, _Lane]] = [
            (watched[key].rules, lane)
            for key, lane in self._by_key.items()
            if key in watched and watched[key].rules.mode is Mode.WORN and not watched[key].wearer
        ]
        self._steps = [episode for episode in episodes if episode.tool not in worn]

    def totals(self, from_us: int, to_us: int, *, by_station: bool) -> list[UseTotal]:
        """Sum lanes up by tool, or by station."""
        groups: dict[str, list[_Lane]] = {}
        for lane in self.tools:
            if lane.station or not by_station:
                groups.setdefault(lane.station if by_station else lane.tool, []).append(lane)
        totals = []
        for name in sorted(groups):
            parts = [(lane.used, lane.observed) for lane in groups[name]]
            own = [episode for lane in groups[name] for episode in lane.between(from_us, to_us)]
            totals.append(
                UseTotal(
                    name=name,
                    used=bool(own),
                    states=three_states(parts, from_us, to_us),
                    episodes=len(own),
                    durations=_durations(own, from_us, to_us),
                )
            )
        return totals

    def worn(self, from_us: int, to_us: int) -> list[WornReport]:
        """Sum up how safety equipment was worn."""
        whole: Spans = ((from_us, to_us),) if from_us < to_us else ()
        reports = []
        for rules, lane in self._equipment:
            wearer = self._by_key[lane.camera, rules.wearer, lane.station]
            observed = within(lane.observed, from_us, to_us)
            seen = shared(within(wearer.used, from_us, to_us), observed)
            worn = shared(seen, within(lane.used, from_us, to_us))
            reports.append(
                WornReport(
                    camera=lane.camera,
                    equipment=lane.tool,
                    station=lane.station,
                    seen_s=length(seen) / 1e6,
                    worn_s=length(worn) / 1e6,
                    worn_share=length(worn) / length(seen) if seen else None,
                    not_observed_s=length(without(whole, observed)) / 1e6,
                )
            )
        return reports

    def sequence(self, from_us: int, to_us: int) -> list[Step]:
        """List uses by start."""
        return [
            Step(
                number=number,
                episode_id=step.episode_id,
                camera=step.stream.camera,
                tool=step.tool,
                station=step.station,
                start=local(step.start_us, self._zone).isoformat(),
                end=local(step.end_us, self._zone).isoformat(),
                start_us=step.start_us,
                end_us=step.end_us,
                duration_s=(min(step.end_us, to_us) - max(step.start_us, from_us)) / 1e6,
                seen_s=step.seen_us / 1e6,
                state=_STATE_NAMES[step.state],
                reason=step.reason.name.lower() if step.reason else None,
                clipped=_clipped(step, from_us, to_us),
            )
            for number, step in enumerate(self._steps, 1)
        ]

    def transitions(self) -> list[Transition]:
        """Count which tool follows which on each camera, by start."""
        before: dict[str, Episode] = {}
        pauses: dict[tuple[str, str], list[float]] = {}
        blind: dict[tuple[str, str], int] = {}
        for step in self._steps:
            camera = step.stream.camera
            if (last := before.get(camera)) is not None:
                key = (last.tool, step.tool)
                pause: Spans = ((last.end_us, step.start_us),) if last.end_us < step.start_us else ()
                pauses.setdefault(key, []).append(length(pause) / 1e6)
                if without(pause, within(self._seen[camera].observed, last.end_us, step.start_us)):
                    blind[key] = blind.get(key, 0) + 1
            before[camera] = step
        steps = [
            Transition(
                before=key[0],
                after=key[1],
                count=len(times) - blind.get(key, 0),
                not_observed=blind.get(key, 0),
                mean_pause_s=fmean(times),
            )
            for key, times in pauses.items()
        ]
        return sorted(steps, key=lambda step: (-step.count, -step.not_observed, step.before, step.after))


_STATE_NAMES = {
    EpisodeState.OPEN: "open",
    EpisodeState.PROVISIONAL: "provisional",
    EpisodeState.FINAL: "final",
}


def _range(from_us: int, to_us: int, episodes: Sequence[Episode], stretches: Sequence[Stretch]) -> tuple[int, int]:
    """Put the beginning and the end of what is known where 0 was asked for."""
    starts = [*(episode.start_us for episode in episodes), *(stretch.start_us for stretch in stretches)]
    ends = [*(episode.end_us for episode in episodes), *(stretch.end_us for stretch in stretches)]
    start = from_us or min(starts, default=to_us)
    return start, max(start, to_us or max(ends, default=start))


def _clipped(episode: Episode, from_us: int, to_us: int) -> bool:
    return episode.start_us < from_us or episode.end_us > to_us


def _durations(episodes: Iterable[Episode], from_us: int, to_us: int) -> Durations:
    """Sum up how long uses lasted whose start and end were seen, in the range."""
    lengths = sorted(
        (episode.end_us - episode.start_us) / 1e6
        for episode in episodes
        if episode.state is EpisodeState.FINAL
        and episode.reason not in _UNKNOWN_END
        and not _clipped(episode, from_us, to_us)
    )
    if not lengths:
        return Durations(count=0, mean_s=None, min_s=None, p10_s=None, p50_s=None, p90_s=None, max_s=None)
    return Durations(
        count=len(lengths),
        mean_s=fmean(lengths),
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
