"""A timeline before it is drawn: lanes of use, time that was not observed, and the shifts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np

from raypp.reports.colours import Colours, colours_of
from raypp.reports.period import Period
from raypp.reports.wording import rule_words
from raypp.usage.coverage import NO_FRAMES, Sight, sights
from raypp.usage.episode import Episode, EpisodeState, StreamName, Stretch
from raypp.usage.episodes import Episodes
from raypp.usage.report import SiteReport
from raypp.usage.spans import union, within, without
from raypp.usage.violations import Violations


@dataclass(frozen=True, slots=True)
class Bar:
    """One use, or several that lie too close together to be drawn apart.

    Attributes:
        start_us, end_us: within the period.
        state: the least certain of their states.
        uses: how many.
    """

    start_us: int
    end_us: int
    state: EpisodeState
    uses: int = 1


@dataclass(frozen=True, slots=True)
class UnseenSpan:
    """Time in which a camera did not see.

    Attributes:
        start_us, end_us: within the period.
        why: what its site says of it, or that no frames came; a reason as in `Coverage.reasons_s`.
    """

    start_us: int
    end_us: int
    why: str


@dataclass(frozen=True, slots=True)
class ChartLane:
    """One tool at one station.

    Attributes:
        tool, station: names; the station is empty where the tool has none.
        bars: in order of time.
        total_us: time in use, as the report has it; exact also where bars were drawn together.
    """

    tool: str
    station: str
    bars: tuple[Bar, ...]
    total_us: int = 0

    @property
    def uses(self) -> int:
        """How many uses it shows."""
        return sum(bar.uses for bar in self.bars)


@dataclass(frozen=True, slots=True)
class CameraChart:
    """Lanes of one camera, and when it did not see; a lane of violations has its rule and its zone as names."""

    camera: str
    lanes: tuple[ChartLane, ...]
    gaps: tuple[UnseenSpan, ...]
    violations: tuple[ChartLane, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """One shift on one day, within the period."""

    name: str
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A timeline.

    Attributes:
        site: its name.
        period: from where to where.
        zone: the site's.
        cameras: by name.
        bands: shifts, in order.
        colours: of each tool.
    """

    site: str
    period: Period
    zone: ZoneInfo
    cameras: tuple[CameraChart, ...]
    bands: tuple[Band, ...]
    colours: Colours

    @property
    def lanes(self) -> int:
        """How many lanes it has."""
        return sum(len(camera.lanes) for camera in self.cameras)


@dataclass(frozen=True, slots=True, order=True)
class LaneName:
    """A lane to be shown even where it holds no use."""

    camera: str
    station: str
    tool: str


def chart_of(
    report: SiteReport,
    zone: ZoneInfo,
    episodes: Sequence[Episode],
    stretches: Sequence[Stretch],
    steps: int = 2000,
    colours: Colours | None = None,
) -> Chart:
    """Lay out a report as `make_chart` does: its lanes, time in use and shifts; safety equipment is no use."""
    rows = {LaneName(lane.camera, lane.station, lane.tool): round(lane.states.used_s * 1e6) for lane in report.lanes}
    every = Episodes.of(episodes)
    shown = every.take(np.array([_row(lane) in rows for lane in every.lanes], bool)[every.lane])
    period = Period(report.from_us, report.to_us)
    chart = make_chart(report.site, period, zone, shown, stretches, rows, steps, colours)
    return replace(chart, bands=tuple(Band(shift.name, shift.start_us, shift.end_us) for shift in report.shifts))


def make_chart(
    site: str,
    period: Period,
    zone: ZoneInfo,
    episodes: Sequence[Episode],
    stretches: Sequence[Stretch],
    rows: Mapping[LaneName, int] = MappingProxyType({}),
    steps: int = 2000,
    colours: Colours | None = None,
) -> Chart:
    """Lay out the uses of a period, without shifts.

    Args:
        site: its name.
        period: from where to where; what lies outside is cut off.
        zone: the site's.
        episodes: in any order.
        stretches: likewise.
        rows: lanes to be shown in any case, with their time in use in microseconds; of others their bars are measured.
        steps: how finely it will be drawn: uses closer together than one step become one bar.
        colours: of each tool; None: in the order of their names.
    """
    step_us = max(1, period.length_us // steps)
    every = Episodes.of(episodes)
    within = every.take(
        (every.start_us < period.to_us) & (np.maximum(every.end_us, every.start_us + 1) > period.from_us)
    )
    by_row: dict[LaneName, list[int]] = {row: [] for row in rows}
    present = set(within.present)
    for number, lane in enumerate(within.lanes):
        if lane in present:
            by_row.setdefault(_row(lane), []).append(number)
    cameras = []
    for sight in sights(stretches, {row.camera for row in by_row}).values():
        lanes = tuple(
            ChartLane(
                row.tool,
                row.station,
                bars := _bars(within.take(np.isin(within.lane, by_row[row])), period, step_us),
                rows.get(row, _length_us(bars)),
            )
            for row in sorted(by_row)
            if row.camera == sight.camera
        )
        cameras.append(CameraChart(sight.camera, lanes, find_gaps(period, sight, step_us)))
    chosen = colours_of(row.tool for row in by_row) if colours is None else colours
    return Chart(site, period, zone, tuple(cameras), (), chosen)


def with_violations(chart: Chart, violations: Violations, steps: int = 2000) -> Chart:
    """Add a lane for each rule of each zone that was violated, as finely as `make_chart` draws uses."""
    step_us = max(1, chart.period.length_us // steps)
    by_row: dict[LaneName, list[int]] = {}
    for number in np.unique(violations.lane).tolist():
        stream, kind, zone, item = violations.lanes[number]
        by_row.setdefault(LaneName(stream.camera, zone, rule_words(kind.name.lower(), item)), []).append(number)
    lanes: dict[str, list[ChartLane]] = {}
    for row, numbers in sorted(by_row.items()):
        bars = _bars(violations.take(np.isin(violations.lane, numbers)), chart.period, step_us)
        lanes.setdefault(row.camera, []).append(ChartLane(row.tool, row.station, bars, _length_us(bars)))
    cameras = [replace(camera, violations=tuple(lanes.get(camera.camera, ()))) for camera in chart.cameras]
    return replace(chart, cameras=tuple(cameras))


def find_gaps(period: Period, sight: Sight, step_us: int = 1) -> tuple[UnseenSpan, ...]:
    """Return when a camera did not see: what its site says of it, and where no frames came.

    Args:
        period: from where to where.
        sight: of the camera.
        step_us: gaps shorter than half a step are too short to be drawn.
    """
    known = union((*sight.observed, *(span for spans in sight.reasons.values() for span in spans)))
    unseen = sight.reasons | {NO_FRAMES: without(((period.from_us, period.to_us),), known)}
    gaps = [
        UnseenSpan(start, end, why)
        for why, spans in unseen.items()
        for start, end in within(spans, period.from_us, period.to_us)
    ]
    return tuple(
        sorted((gap for gap in gaps if 2 * (gap.end_us - gap.start_us) >= step_us), key=lambda gap: gap.start_us)
    )


def _row(lane: tuple[StreamName, str, str]) -> LaneName:
    stream, tool, station = lane
    return LaneName(stream.camera, station, tool)


def _length_us(bars: Sequence[Bar]) -> int:
    return sum(bar.end_us - bar.start_us for bar in bars)


def _bars(episodes: Episodes | Violations, period: Period, step_us: int) -> tuple[Bar, ...]:
    if not len(episodes):
        return ()
    ordered = episodes.take(np.lexsort((episodes.end_us, episodes.start_us)))
    starts = np.maximum(ordered.start_us, period.from_us)
    ends = np.maximum(starts, np.minimum(ordered.end_us, period.to_us))
    latest = np.maximum.accumulate(ends)
    first = np.flatnonzero(np.r_[True, starts[1:] - latest[:-1] >= step_us])
    last = np.r_[first[1:], len(ordered)]
    states = np.minimum.reduceat(ordered.state, first)
    columns = (starts[first], latest[last - 1], states, last - first)
    return tuple(
        Bar(start, end, EpisodeState(state), uses)
        for start, end, state, uses in zip(*(column.tolist() for column in columns), strict=True)
    )
