"""Episodes and stretches of one site to its report: fact, sequence and duration, with coverage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np
import numpy.typing as npt

from raypp.usage.coverage import Sight, sights
from raypp.usage.episode import Episode, Stretch
from raypp.usage.episodes import Episodes, Integers
from raypp.usage.lane_record import LaneRecord, Uses, UseSums
from raypp.usage.lanes import lanes_of
from raypp.usage.overlap import counted_once
from raypp.usage.report import ShiftReport, SiteReport, StreamOverlap, Transition, UseTotal, WornReport
from raypp.usage.rules import Mode, ToolRules
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local, shifts_between
from raypp.usage.span_arrays import as_array, as_spans
from raypp.usage.spans import Spans, length, shared, within, without
from raypp.usage.steps import Steps


@dataclass(frozen=True, slots=True)
class UsageFigures:
    """A report whose sequence of uses is not made yet.

    Attributes:
        report: with an empty `sequence`.
        steps: its sequence.
    """

    report: SiteReport
    steps: Steps

    def whole(self) -> SiteReport:
        """Return the report with its sequence."""
        return self.report.model_copy(update={"sequence": list(self.steps)})


def make_usage_report(
    settings: SiteSettings,
    site: str,
    from_us: int,
    to_us: int,
    episodes: Iterable[Episode],
    stretches: Iterable[Stretch],
    cameras: Iterable[str] = (),
) -> SiteReport:
    """Make the report on one site as `sum_up` does, with its sequence."""
    return sum_up(settings, site, from_us, to_us, episodes, stretches, cameras).whole()


def sum_up(
    settings: SiteSettings,
    site: str,
    from_us: int,
    to_us: int,
    episodes: Iterable[Episode],
    stretches: Iterable[Stretch],
    cameras: Iterable[str] = (),
) -> UsageFigures:
    """Sum up one site. What several streams of a camera saw at one time is counted once.

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
    once, overlaps = counted_once(episodes, stretches)
    from_us, to_us = _range(from_us, to_us, once, stretches)
    ordered = once.take((once.start_us < to_us) & (once.end_us > from_us)).by_start()
    seen = sights(stretches, [*settings.cameras, *cameras, *ordered.cameras])
    book = _Book(settings, seen, ordered)
    zone = settings.zone
    report = SiteReport(
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
        sequence=[],
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
    return UsageFigures(report, Steps(book.steps, zone, from_us, to_us))


def worn_names(settings: SiteSettings) -> set[str]:
    """Names of safety equipment and of who wears it: lanes that are no use of a tool."""
    return {name for rules in settings.tools if rules.mode is Mode.WORN for name in (rules.tool, rules.wearer)}


class _Book:
    """All lanes of a site: those that the settings name, and those that episodes tell of."""

    def __init__(self, settings: SiteSettings, seen: dict[str, Sight], episodes: Episodes) -> None:
        self._seen = seen
        watched = {
            (camera, lane.tool, lane.station): lane
            for camera in seen
            for lane in lanes_of(settings, camera, settings.tools)
        }
        numbers: dict[tuple[str, str, str], list[int]] = {key: [] for key in watched}
        present = set(episodes.present)
        for number, name in enumerate(episodes.lanes):
            if name in present:
                stream, tool, station = name
                numbers.setdefault((stream.camera, tool, station), []).append(number)
        worn = worn_names(settings)
        modes = {rules.tool: rules.mode for rules in settings.tools} if settings.tools else {}
        observed = {camera: as_array(sight.observed) for camera, sight in seen.items()}
        lanes = []
        for camera, tool, station in sorted(numbers):
            known = (camera, tool, station) in watched or not settings.tools
            mode = modes.get(tool, None if settings.tools else Mode.PRESENT) if known else None
            own = Uses.of(episodes, np.isin(episodes.lane, numbers[camera, tool, station]))
            lanes.append(LaneRecord(camera, tool, station, mode, observed[camera], own))
        self.tools = [lane for lane in lanes if lane.tool not in worn]
        self._tools = _grouped((lane.tool, lane) for lane in self.tools)
        self._stations = _grouped((lane.station, lane) for lane in self.tools if lane.station)
        self._by_key = {(lane.camera, lane.tool, lane.station): lane for lane in lanes}
        self._equipment: list[tuple[ToolRules, LaneRecord]] = [
            (watched[key].rules, lane)
            for key, lane in self._by_key.items()
            if key in watched and watched[key].rules.mode is Mode.WORN and not watched[key].wearer
        ]
        used = [tool not in worn for _, tool, _ in episodes.lanes]
        self.steps = episodes.take(np.array(used, bool)[episodes.lane])

    def totals(self, from_us: int, to_us: int, *, by_station: bool) -> list[UseTotal]:
        """Sum lanes up by tool, or by station."""
        totals = []
        for name, sums in (self._stations if by_station else self._tools).items():
            states, count, lasted = sums.between(from_us, to_us)
            totals.append(UseTotal(name=name, used=count > 0, states=states, episodes=count, durations=lasted))
        return totals

    def worn(self, from_us: int, to_us: int) -> list[WornReport]:
        """Sum up how safety equipment was worn."""
        whole: Spans = ((from_us, to_us),) if from_us < to_us else ()
        reports = []
        for rules, lane in self._equipment:
            wearer = self._by_key[lane.camera, rules.wearer, lane.station]
            observed = within(self._seen[lane.camera].observed, from_us, to_us)
            seen = shared(within(as_spans(wearer.used), from_us, to_us), observed)
            worn = shared(seen, within(as_spans(lane.used), from_us, to_us))
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

    def transitions(self) -> list[Transition]:
        """Count which tool follows which on each camera, by start."""
        steps = self.steps
        tools = sorted(steps.tools)
        tool_of = np.array([tools.index(tool) if tool in tools else -1 for _, tool, _ in steps.lanes], np.int64)
        camera_of = np.array([stream.camera for stream, _, _ in steps.lanes], object)
        pairs, pauses, blind = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, bool)]
        for camera in sorted(steps.cameras):
            own = steps.take((camera_of == camera)[steps.lane])
            tool = tool_of[own.lane]
            before_us, after_us = own.end_us[:-1], own.start_us[1:]
            pairs.append(tool[:-1] * len(tools) + tool[1:])
            pauses.append(np.maximum(after_us - before_us, 0))
            blind.append((before_us < after_us) & ~_covered(self._seen[camera].observed, before_us, after_us))
        pair, pause_us, unseen = (np.concatenate(column) for column in (pairs, pauses, blind))
        order = pair.argsort(kind="stable")
        pair, pause_us, unseen = pair[order], pause_us[order], unseen[order]
        keys, first, counts = np.unique(pair, return_index=True, return_counts=True)
        transitions = []
        for key, start, end in zip(keys.tolist(), first.tolist(), (first + counts).tolist(), strict=True):
            not_observed = int(np.count_nonzero(unseen[start:end]))
            transitions.append(
                Transition(
                    before=tools[key // len(tools)],
                    after=tools[key % len(tools)],
                    count=end - start - not_observed,
                    not_observed=not_observed,
                    mean_pause_s=fsum((pause_us[start:end] / 1e6).tolist()) / (end - start),
                )
            )
        return sorted(transitions, key=lambda step: (-step.count, -step.not_observed, step.before, step.after))


def _grouped(lanes: Iterable[tuple[str, LaneRecord]]) -> dict[str, UseSums]:
    """Take lanes of one name together, by name."""
    groups: dict[str, list[LaneRecord]] = {}
    for name, lane in lanes:
        groups.setdefault(name, []).append(lane)
    return {name: UseSums(groups[name]) for name in sorted(groups)}


def _covered(observed: Spans, starts_us: Integers, ends_us: Integers) -> npt.NDArray[np.bool_]:
    """Whether all of the time from each start to its end was observed."""
    if not observed:
        return np.zeros(len(starts_us), bool)
    begun, over = np.array(observed, np.int64).T
    place = begun.searchsorted(starts_us, "right") - 1
    covered: npt.NDArray[np.bool_] = (place >= 0) & (over[place] >= ends_us)
    return covered


def _range(from_us: int, to_us: int, episodes: Episodes, stretches: Sequence[Stretch]) -> tuple[int, int]:
    """Put the beginning and the end of what is known where 0 was asked for."""
    starts, ends = [stretch.start_us for stretch in stretches], [stretch.end_us for stretch in stretches]
    if len(episodes):
        starts.append(int(episodes.start_us.min()))
        ends.append(int(episodes.end_us.max()))
    start = from_us or min(starts, default=to_us)
    return start, max(start, to_us or max(ends, default=start))
