"""A timeline as values to be drawn: each lane a drawing of its own, so that it fits any width and reads in order."""

from dataclasses import dataclass

from raypp.reports.chart import Band, CameraChart, Chart, ChartLane, UnseenSpan
from raypp.reports.ticks import Tick, make_ticks
from raypp.reports.wording import clock, date_and_clock, duration
from raypp.text.wording import counted
from raypp.usage.coverage import NO_FRAMES
from raypp.usage.episode import EpisodeState
from raypp.usage.spans import Spans, shared, union

_MOST_TICKS = 11
_NAME_SHARE = 0.045
_PAUSE_SHARE = 0.004

WHY_NOT = {
    "covered": "camera covered",
    "frozen": "image frozen",
    "moved": "camera moved",
    "dropped": "frames dropped by the site",
    NO_FRAMES: "no frames came",
}
"""Words for what a camera did not see."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of time as part of a drawing.

    Attributes:
        start, width: shares of the drawing's width, 0 to 1.
        text: told where one points at it; may be empty.
        look: class of the style sheet; empty where all blocks beside it look the same.
    """

    start: float
    width: float
    text: str = ""
    look: str = ""


@dataclass(frozen=True, slots=True)
class PlotMark:
    """A moment on a drawing: a line or a label.

    Attributes:
        at: share of the drawing's width, 0 to 1.
        look: class of the style sheet, or anchor of a label.
        text: a label's.
    """

    at: float
    look: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """One lane.

    Attributes:
        lane: its names and figures; None for a camera without uses.
        look: class of the style sheet, for the tool's colour.
        label: the whole in words.
        figures: how often and how long.
        gaps: when its camera did not see.
        lines: of the grid and where shifts begin.
        bars: uses.
    """

    lane: ChartLane | None
    look: str
    label: str
    figures: str
    gaps: tuple[Block, ...]
    lines: tuple[PlotMark, ...]
    bars: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class CameraPlots:
    """Lanes of one camera, uses before violations, and how long it did not see, in words."""

    camera: str
    blindness: str
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A chart of one or more days: shifts above, lanes by camera, times below; and whether it has violations."""

    shifts: tuple[Block, ...]
    cameras: tuple[CameraPlots, ...]
    ticks: tuple[PlotMark, ...]
    violations: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """A chart as one line: when any tool was in use, and when no camera saw."""

    gaps: tuple[Block, ...]
    uses: tuple[Block, ...]


def timeline_of(chart: Chart) -> Timeline:
    """Return what is drawn of a chart."""
    ticks = make_ticks(chart.period, chart.zone, _MOST_TICKS)
    lines = tuple(PlotMark(_share(chart, tick.at_us), "grid day" if tick.is_day else "grid") for tick in ticks)
    lines += tuple(PlotMark(_share(chart, band.start_us), "grid shift") for band in chart.bands)
    return Timeline(
        tuple(_shift(chart, band) for band in chart.bands),
        tuple(_camera(chart, camera, lines) for camera in chart.cameras),
        tuple(_tick(chart, tick) for tick in ticks),
        any(camera.violations for camera in chart.cameras),
    )


def strip_of(chart: Chart) -> Strip:
    """Return what is drawn of a chart as one line."""
    used = union((bar.start_us, bar.end_us) for camera in chart.cameras for lane in camera.lanes for bar in lane.bars)
    return Strip(
        tuple(_gap(chart, gap) for gap in _common(chart)),
        tuple(_block(chart, start, end) for start, end in used),
    )


def _camera(chart: Chart, camera: CameraChart, lines: tuple[PlotMark, ...]) -> CameraPlots:
    gaps = tuple(_gap(chart, gap) for gap in camera.gaps)
    plots = tuple(
        _plot(chart, camera, lane, look, gaps, lines)
        for lane, look in (
            *((lane, f"c{chart.colours[lane.tool]}") for lane in camera.lanes),
            *((lane, "violation") for lane in camera.violations),
        )
    )
    if not plots:
        plots = (Plot(None, "", f"camera {camera.camera}: no uses", "", gaps, lines, ()),)
    blind_us = sum(gap.end_us - gap.start_us for gap in camera.gaps)
    blindness = f"not observed for {duration(blind_us)} of {duration(chart.period.length_us)}" if blind_us else ""
    return CameraPlots(camera.camera, blindness, plots)


def _plot(
    chart: Chart,
    camera: CameraChart,
    lane: ChartLane,
    look: str,
    gaps: tuple[Block, ...],
    lines: tuple[PlotMark, ...],
) -> Plot:
    where = f"{lane.tool} at {lane.station}" if lane.station else lane.tool
    noun = "violation" if look == "violation" else "use"
    figures = f"{counted(lane.uses, noun)} · {duration(lane.total_us)}" if lane.uses else "not used"
    bars = []
    for bar in lane.bars:
        certain = bar.state is EpisodeState.FINAL
        text = f"{lane.tool}, {_from_to(chart, bar.start_us, bar.end_us)}"
        text += f", {bar.uses} {noun}s close together" if bar.uses > 1 else ""
        text += "" if certain else ", end not certain yet"
        bars.append(_block(chart, bar.start_us, bar.end_us, text, "" if certain else " unsure"))
    label = f"{where}, camera {camera.camera}: {figures}"
    return Plot(lane, look, label, figures, gaps, lines, tuple(bars))


def _shift(chart: Chart, band: Band) -> Block:
    """Return a rule that ends a little before the next shift's, with as much of the name as there is room for."""
    whole = _block(chart, band.start_us, band.end_us)
    room = max(3, int(whole.width * 90))
    name = band.name if len(band.name) <= room else band.name[: room - 1] + "…"
    return Block(whole.start, max(0.0, whole.width - _PAUSE_SHARE), name if whole.width >= _NAME_SHARE else "")


def _tick(chart: Chart, tick: Tick) -> PlotMark:
    at = _share(chart, tick.at_us)
    return PlotMark(at, "start" if at < 0.02 else "end" if at > 0.98 else "middle", tick.label)


def _gap(chart: Chart, gap: UnseenSpan) -> Block:
    text = f"not observed: {WHY_NOT.get(gap.why, gap.why)}, {_from_to(chart, gap.start_us, gap.end_us)}"
    return _block(chart, gap.start_us, gap.end_us, text)


def _common(chart: Chart) -> list[UnseenSpan]:
    """Return when no camera saw."""
    spans = [tuple((gap.start_us, gap.end_us) for gap in camera.gaps) for camera in chart.cameras]
    common: Spans = union(spans[0]) if spans else ()
    for other in spans[1:]:
        common = shared(common, union(other))
    return [UnseenSpan(start, end, "no camera saw") for start, end in common]


def _from_to(chart: Chart, start_us: int, end_us: int) -> str:
    first = clock if chart.period.length_us < 25 * 3600e6 else date_and_clock
    return f"{first(start_us, chart.zone)} to {clock(end_us, chart.zone)} ({duration(end_us - start_us)})"


def _block(chart: Chart, start_us: int, end_us: int, text: str = "", look: str = "") -> Block:
    return Block(_share(chart, start_us), (end_us - start_us) / max(1, chart.period.length_us), text, look)


def _share(chart: Chart, at_us: int) -> float:
    return (at_us - chart.period.from_us) / max(1, chart.period.length_us)
