"""A timeline as inline SVG: each lane a drawing of its own, so that it fits any width and reads in order."""

from raypp.io.wording import counted
from raypp.reports.chart import CameraChart, Chart, Gap, Lane
from raypp.reports.ticks import Tick, make_ticks
from raypp.reports.wording import clock, date_and_clock, duration
from raypp.usage.coverage import NO_FRAMES
from raypp.usage.episode import EpisodeState
from raypp.usage.spans import shared, union
from raypp.web.html import Html, element, join

_BAR_TOP_PX, _BAR_PX = 4, 19
_MOST_TICKS = 11
_NAME_SHARE = 0.045

WHY_NOT = {
    "covered": "camera covered",
    "frozen": "image frozen",
    "moved": "camera moved",
    "dropped": "frames dropped by the site",
    NO_FRAMES: "no frames came",
}
"""Words for what a camera did not see."""


def timeline(chart: Chart) -> Html:
    """Draw a chart: shifts above, lanes by camera, times below. Needs `hatching` once on its page."""
    ticks = make_ticks(chart.period, chart.zone, _MOST_TICKS)
    rows: list[Html] = []
    if chart.bands:
        rows += [_side(), element("svg", _shifts(chart), class_="shifts", aria_hidden="true"), _side()]
    for camera in chart.cameras:
        words = element("small", _blindness(camera, chart))
        rows.append(element("div", element("span", camera.camera), words, class_="camera", data_camera=camera.camera))
        for lane in camera.lanes:
            rows += _lane(chart, camera, lane, ticks)
        if not camera.lanes:
            rows += [
                element("div", element("span", "no uses"), class_="name"),
                element("div", class_="sum"),
                _plot(chart, camera, None, ticks, f"camera {camera.camera}: no uses"),
            ]
    rows += [_side(), element("svg", _axis(chart, ticks), class_="axis", aria_hidden="true"), _side()]
    return join(element("div", *rows, class_="lanes"), _legend())


def strip(chart: Chart) -> Html:
    """Draw a chart as one line: when any tool was in use, when none, and when no camera saw."""
    parts: list[Html] = [_rect(0, 1, "seen", full=True)]
    if chart.cameras:
        parts += [_gap(chart, gap, full=True) for gap in _common(chart)]
    used = union((bar.start_us, bar.end_us) for camera in chart.cameras for lane in camera.lanes for bar in lane.bars)
    parts += [_rect(*_span(chart, start, end), "any", full=True) for start, end in used]
    return element("svg", *parts, class_="plot", role="img", aria_label="when any tool was in use")


def hatching() -> Html:
    """The pattern of time that was not observed."""
    line = element("path", d="M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6", class_="hatchline")
    pattern = element("pattern", line, id="hatch", width=8, height=8, patternUnits="userSpaceOnUse")
    return element("svg", element("defs", pattern), width=0, height=0, class_="unseen", aria_hidden="true")


def stack(used: float, idle: float, not_observed: float, words: str) -> Html:
    """A bar of three parts: used, seen and not used, not observed; shares that add up to 1."""
    parts = [element("title", words), _rect(0, used, "used", full=True), _rect(used, idle, "idle", full=True)]
    if not_observed > 0:
        parts.append(_hatched(used + idle, not_observed, full=True))
    return element("svg", *parts, class_="stack", role="img", aria_label=words)


def _lane(chart: Chart, camera: CameraChart, lane: Lane, ticks: tuple[Tick, ...]) -> list[Html]:
    colour = f"c{chart.colours[lane.tool]}"
    at = element("span", lane.station, class_="at") if lane.station else None
    where = f"{lane.tool} at {lane.station}" if lane.station else lane.tool
    figures = f"{counted(lane.uses, 'use')} · {duration(lane.total_us)}" if lane.uses else "not used"
    name = element(
        "div", element("i", class_=f"dot {colour}"), element("span", lane.tool), at, class_="name", title=where
    )
    label = f"{where}, camera {camera.camera}: {figures}"
    return [name, element("div", figures, class_="sum"), _plot(chart, camera, lane, ticks, label)]


def _plot(chart: Chart, camera: CameraChart, lane: Lane | None, ticks: tuple[Tick, ...], label: str) -> Html:
    parts: list[Html] = [_rect(0, 1, "seen")]
    parts += [_gap(chart, gap) for gap in camera.gaps]
    parts += [_grid(_share(chart, tick.at_us), "grid day" if tick.is_day else "grid") for tick in ticks]
    parts += [_grid(_share(chart, band.start_us), "grid shift") for band in chart.bands]
    if lane:
        colour = f"c{chart.colours[lane.tool]}"
        for bar in lane.bars:
            unsure = "" if bar.state is EpisodeState.FINAL else " unsure"
            words = f"{lane.tool}, {_from_to(chart, bar.start_us, bar.end_us)}"
            words += f", {bar.uses} uses close together" if bar.uses > 1 else ""
            words += ", end not certain yet" if unsure else ""
            parts.append(_rect(*_span(chart, bar.start_us, bar.end_us), f"use {colour}{unsure}", words, round_=2))
    attributes: dict[str, str] = {}
    if lane:
        attributes = {"data_tool": lane.tool, "data_station": lane.station, "data_uses": str(lane.uses)}
    return element("svg", *parts, class_="plot", role="img", aria_label=label, **attributes)


def _gap(chart: Chart, gap: Gap, *, full: bool = False) -> Html:
    words = f"not observed: {WHY_NOT.get(gap.why, gap.why)}, {_from_to(chart, gap.start_us, gap.end_us)}"
    return _hatched(*_span(chart, gap.start_us, gap.end_us), words, full=full)


def _hatched(start: float, width: float, words: str | None = None, *, full: bool) -> Html:
    """Time that was not observed: hatched on a ground of its own, so that it reads as neither used nor seen."""
    return join(_rect(start, width, "ground", full=full), _rect(start, width, "gap", words, full=full))


def _shifts(chart: Chart) -> list[Html]:
    parts = []
    for band in chart.bands:
        start, width = _span(chart, band.start_us, band.end_us)
        parts.append(element("rect", x=_percent(start), width=_percent(max(0.0, width - 0.004)), y=16, height=2))
        if width >= _NAME_SHARE:
            room = max(3, int(width * 90))
            name = band.name if len(band.name) <= room else band.name[: room - 1] + "…"
            parts.append(element("text", name, x=_percent(start), y=11))
    return parts


def _axis(chart: Chart, ticks: tuple[Tick, ...]) -> list[Html]:
    parts = []
    for index, tick in enumerate(ticks):
        share = _share(chart, tick.at_us)
        anchor = "start" if share < 0.02 else "end" if share > 0.98 else "middle"
        parts.append(
            element(
                "text", tick.label, x=_percent(share), y=15, text_anchor=anchor, class_="odd" if index % 2 else None
            )
        )
    return parts


def _legend() -> Html:
    use = _rect(0, 1, "use c0", full=True)
    unsure = element("rect", x=1, y=1, width=24, height=10, class_="use c0 unsure")
    gap = _hatched(0, 1, full=True)
    samples = (
        (use, "in use"),
        (unsure, "in use, end not certain yet"),
        (_rect(0, 1, "seen", full=True), "seen, not in use"),
        (gap, "not observed"),
    )
    items = [element("li", element("svg", drawn, aria_hidden="true"), words) for drawn, words in samples]
    return element("ul", *items, class_="legend", aria_label="Legend")


def _blindness(camera: CameraChart, chart: Chart) -> str:
    blind = sum(gap.end_us - gap.start_us for gap in camera.gaps)
    if not blind:
        return ""
    return f"not observed for {duration(blind)} of {duration(chart.period.length_us)}"


def _common(chart: Chart) -> list[Gap]:
    """When no camera saw."""
    first, *others = (tuple((gap.start_us, gap.end_us) for gap in camera.gaps) for camera in chart.cameras)
    common = union(first)
    for other in others:
        common = shared(common, union(other))
    return [Gap(start, end, "no camera saw") for start, end in common]


def _from_to(chart: Chart, start_us: int, end_us: int) -> str:
    start = (
        clock(start_us, chart.zone) if chart.period.length_us < 25 * 3600e6 else date_and_clock(start_us, chart.zone)
    )
    return f"{start} to {clock(end_us, chart.zone)} ({duration(end_us - start_us)})"


def _rect(
    start: float, width: float, class_: str, words: str | None = None, *, full: bool = False, round_: int = 0
) -> Html:
    title = element("title", words) if words else None
    top, height = ("0", "100%") if full else (str(_BAR_TOP_PX), str(_BAR_PX))
    return element(
        "rect",
        title,
        x=_percent(start),
        width=_percent(width),
        y=top,
        height=height,
        rx=round_ or None,
        class_=class_,
    )


def _grid(share: float, class_: str) -> Html:
    return element("line", x1=_percent(share), x2=_percent(share), y1=0, y2="100%", class_=class_)


def _side() -> Html:
    return element("div", class_="side")


def _span(chart: Chart, start_us: int, end_us: int) -> tuple[float, float]:
    return _share(chart, start_us), (end_us - start_us) / max(1, chart.period.length_us)


def _share(chart: Chart, at_us: int) -> float:
    return (at_us - chart.period.from_us) / max(1, chart.period.length_us)


def _percent(share: float) -> str:
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"
