"""A timeline as an image: one lane per tool and station, hatched where nothing was observed."""

import warnings
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from raypp.io.atomic import whole_file
from raypp.reports.chart import CameraChart, Chart
from raypp.reports.colours import LIGHT
from raypp.reports.period import SECOND_US
from raypp.reports.ticks import make_ticks
from raypp.reports.wording import date_and_clock, duration
from raypp.text.wording import counted
from raypp.usage.episode import EpisodeState

Floats = npt.NDArray[np.float64]

_DPI = 130
_WIDTH_IN, _LANE_IN, _HEAD_IN, _FOOT_IN, _MARGIN_IN = 14.0, 0.36, 1.0, 0.95, 0.15
_LABELS_IN, _FIGURES_IN = 2.9, 1.75
_INK, _SOFT, _FAINT, _SEEN, _NOT_SEEN = "#1c2024", "#60646c", "#d5d8dd", "#f1f3f6", "#a3a8b1"
_MOST_LANES = 120
_LONGEST_NAME = 26
_BAR = 0.66


def save_image(chart: Chart, path: FilePath) -> None:
    """Write a timeline as PNG, whole or not at all; beyond 120 rows the rest is counted, not drawn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # names in scripts that the font lacks show as boxes
        _save(chart, path)


def _save(chart: Chart, path: FilePath) -> None:
    rows = _rows(chart)
    height = _HEAD_IN + _FOOT_IN + max(1, len(rows)) * _LANE_IN
    with rc_context({"hatch.linewidth": 0.7, "font.family": "DejaVu Sans", "text.parse_math": False}):
        figure = Figure(figsize=(_WIDTH_IN, height), dpi=_DPI, facecolor="white")
        axes = figure.add_axes(
            (
                _LABELS_IN / _WIDTH_IN,
                _FOOT_IN / height,
                (_WIDTH_IN - _LABELS_IN - _FIGURES_IN) / _WIDTH_IN,
                1 - (_HEAD_IN + _FOOT_IN) / height,
            )
        )
        _frame(axes, chart, len(rows))
        _bands(axes, chart, height - _HEAD_IN - _FOOT_IN)
        for row, (camera, lane) in enumerate(rows):
            if lane is None:
                _heading(axes, camera, row)
            else:
                _lane(axes, chart, camera, lane, row)
        if not rows:
            axes.text(0.5, 0.5, "nothing was recorded", transform=axes.transAxes, ha="center", va="center", color=_SOFT)
        _head(figure, chart, height)
        _legend(figure, height)
        canvas = FigureCanvasAgg(figure)
        with whole_file(path) as part:
            canvas.print_png(str(part))  # type: ignore[no-untyped-call]


def _rows(chart: Chart) -> list[tuple[CameraChart, int | None]]:
    """Each camera's heading, then its lanes by index."""
    rows: list[tuple[CameraChart, int | None]] = []
    for camera in chart.cameras:
        rows.append((camera, None))
        rows += [(camera, index) for index in range(len(camera.lanes))]
    return rows[:_MOST_LANES]


def _frame(axes: Axes, chart: Chart, rows: int) -> None:
    axes.set(xlim=(0, max(1, chart.period.length_us) / SECOND_US), ylim=(max(1, rows), 0))
    axes.set_yticks([])
    ticks = make_ticks(chart.period, chart.zone, 11)
    axes.set_xticks([_x(chart, tick.at_us) for tick in ticks], [tick.label for tick in ticks], fontsize=9, color=_INK)
    axes.tick_params(axis="x", length=4, color=_SOFT)
    for tick in ticks:
        axes.axvline(_x(chart, tick.at_us), color=_SOFT if tick.is_day else _FAINT, linewidth=0.8, zorder=1.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_SOFT)


def _bands(axes: Axes, chart: Chart, height_in: float) -> None:
    """Shifts: a rule above each with its name, and a line where one begins."""
    width_in = _WIDTH_IN - _LABELS_IN - _FIGURES_IN
    above = axes.get_xaxis_transform()
    spans = [(_x(chart, band.start_us), _x(chart, band.end_us)) for band in chart.bands]
    for band, (start, end) in zip(chart.bands, spans, strict=True):
        room = (end - start) / (axes.get_xlim()[1]) * width_in / 0.085
        if room >= 3:
            axes.text(
                start,
                1 + 0.12 / height_in,
                " " + _short(band.name, int(room)),
                transform=above,
                fontsize=8.5,
                color=_SOFT,
                va="bottom",
            )
    begun, over = np.array(spans).reshape(-1, 2).T
    height, gap = 1 + 0.06 / height_in, 0.004 * axes.get_xlim()[1]
    _lines(axes, _points((begun, over - gap), (height, height)), linewidth=2.2, clip_on=False, zorder=2)
    _lines(axes, _points((begun, begun), (0, 1)), linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.6)


def _lines(axes: Axes, lines: Floats, **look: Any) -> None:
    """Draw lines [N, 2, 2] across, and along from 0 to 1; each over those before, as they may overlap."""
    axes.add_artist(LineCollection(list(lines), colors=_SOFT, transform=axes.get_xaxis_transform(), **look))


def _heading(axes: Axes, camera: CameraChart, row: int) -> None:
    axes.axhspan(row, row + 1, color="white", zorder=1.7)
    where = axes.get_yaxis_transform()
    axes.text(
        -0.012,
        row + 0.72,
        _short(camera.camera, 34),
        transform=where,
        ha="right",
        va="baseline",
        fontsize=10,
        fontweight="bold",
        color=_INK,
    )


def _lane(axes: Axes, chart: Chart, camera: CameraChart, index: int, row: int) -> None:
    lane = camera.lanes[index]
    middle = row + 0.5
    axes.barh(middle, axes.get_xlim()[1], height=_BAR, color=_SEEN, zorder=1)
    gaps = [(_x(chart, gap.start_us), _x(chart, gap.end_us)) for gap in camera.gaps]
    _boxes(axes, gaps, row, color="white", linewidth=0, zorder=1.1)
    _boxes(axes, gaps, row, facecolor="none", edgecolor=_NOT_SEEN, hatch="/////", linewidth=0, zorder=1.2)
    colour = LIGHT[chart.colours[lane.tool]]
    for final in (True, False):
        bars = [bar for bar in lane.bars if (bar.state is EpisodeState.FINAL) is final]
        _boxes(
            axes,
            [(_x(chart, bar.start_us), _x(chart, bar.end_us)) for bar in bars],
            row,
            facecolor=colour if final else colour + "59",
            edgecolor=colour,
            linewidth=0.6 if final else 1.1,
            linestyle="-" if final else (0, (2, 1.2)),
            zorder=2,
        )
    where = axes.get_yaxis_transform()
    label = _short(lane.tool, _LONGEST_NAME if not lane.station else _LONGEST_NAME // 2 + 3)
    axes.text(
        -0.012,
        middle,
        f"{label}  ·  {_short(lane.station, _LONGEST_NAME // 2)}" if lane.station else label,
        transform=where,
        ha="right",
        va="center",
        fontsize=9,
        color=_INK if lane.uses else _SOFT,
    )
    figures = f"{counted(lane.uses, 'use')}  ·  {duration(lane.total_us)}" if lane.uses else "not used"
    axes.text(1.01, middle, figures, transform=where, va="center", fontsize=8.5, color=_SOFT)


def _boxes(axes: Axes, spans: Sequence[tuple[float, float]], row: int, **look: Any) -> None:
    """Draw boxes of one look along a row as one path: an artist for each takes a hundred times as long.

    The limits of the axes, which are set before, stay: to see whether a path extends them takes longer than to draw it.
    """
    if not spans:
        return
    start, end = np.array(spans).T
    along = row + 0.5 + _BAR * np.array([-0.5, 0.5, 0.5, -0.5, -0.5])
    codes = np.tile(np.array([Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY], Path.code_type), len(spans))
    corners = _points((start, start, end, end, start), along).reshape(-1, 2)
    patch = PathPatch(Path(corners, codes), joinstyle="miter", **look)
    patch.set_snap(True)
    axes.add_artist(patch)


def _points(across: Sequence[Floats], along: Sequence[float] | Floats) -> Floats:
    """Return shapes [N, corners, 2] of where each corner lies across [N], and along, which is the same for all."""
    return np.stack([np.column_stack((x, np.full(len(x), y))) for x, y in zip(across, along, strict=True)], axis=1)


def _head(figure: Figure, chart: Chart, height: float) -> None:
    top = 1 - _MARGIN_IN / height
    left = _MARGIN_IN / _WIDTH_IN
    figure.text(left, top, _short(chart.site, 60), fontsize=15, fontweight="bold", color=_INK, va="top")
    when = f"{date_and_clock(chart.period.from_us, chart.zone)}  to  {date_and_clock(chart.period.to_us, chart.zone)}"
    words = f"{when}   ({chart.zone.key})"
    figure.text(1 - left, top - 0.05 / height, words, fontsize=10, color=_SOFT, va="top", ha="right")
    left_out = chart.lanes - sum(lane is not None for _, lane in _rows(chart))
    if left_out:
        note = f"{counted(left_out, 'lane')} not drawn"
        figure.text(left, 0.18 / height, note, fontsize=9, color=_SOFT, va="bottom")


def _legend(figure: Figure, height: float) -> None:
    handles = [
        Patch(facecolor=LIGHT[0], edgecolor=LIGHT[0], label="in use"),
        Patch(
            facecolor=LIGHT[0] + "59", edgecolor=LIGHT[0], linestyle=(0, (2, 1.2)), label="in use, end not certain yet"
        ),
        Patch(facecolor=_SEEN, edgecolor=_FAINT, label="seen, not in use"),
        Patch(facecolor="white", edgecolor=_NOT_SEEN, hatch="/////", linewidth=0, label="not observed"),
    ]
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.08 / height),
        ncols=4,
        frameon=False,
        fontsize=9,
        labelcolor=_INK,
        handlelength=2.6,
        handleheight=1.1,
        columnspacing=2.4,
    )


def _x(chart: Chart, at_us: int) -> float:
    return (at_us - chart.period.from_us) / SECOND_US


def _short(text: str, most: int) -> str:
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"
