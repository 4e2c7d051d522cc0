"""The trend of compliance over days as an image: a row for each rule about an item."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from raypp.errors import OptionError
from raypp.io.atomic import whole_file
from raypp.reports.safety_record import SafetyReport
from raypp.reports.trend import Trend, trends

_WIDTH_IN, _ROW_IN, _HEAD_IN = 11.0, 1.15, 0.9
_MOST_ROWS = 60
_MOST_DATES = 12
_LONGEST_NAME = 44
_INK, _SOFT, _WORN, _UNTOLD = "#1a1d21", "#5b626c", "#157a52", "#c9ced6"


def save_trend(report: SafetyReport, path: Path) -> None:
    """Draw compliance by day, over how much could not be told.

    Raises:
        OptionError: if the file cannot be written.
    """
    with rc_context({"font.family": "DejaVu Sans", "text.parse_math": False}):
        canvas = FigureCanvasAgg(_drawn(report))
        try:
            with whole_file(path) as part:
                canvas.print_png(str(part))  # type: ignore[no-untyped-call]
        except OSError as error:
            words = f"`out` {path.parent}: {error.strerror or error}; name a folder you may write to"
            raise OptionError(words) from None


def _drawn(report: SafetyReport) -> Figure:
    rows = [trend for trend in trends(report.totals, report.days) if trend.has_shares]
    height = _HEAD_IN + _ROW_IN * max(1, len(rows[:_MOST_ROWS])) + 0.5
    figure = Figure(figsize=(_WIDTH_IN, height), dpi=120, facecolor="white")
    words = f"{report.days[0].day} to {report.days[-1].day}" if report.days else report.start[:10]
    title = f"{report.site}: compliance by day, {words} ({report.time_zone})"
    figure.text(0.02, 1 - 0.3 / height, _plain(title, 110), fontsize=13, fontweight="bold", color=_INK, va="center")
    legend = "line: worn, of what can be told    bars: cannot be told, of all time"
    left_out = len(rows) - _MOST_ROWS
    legend += f"    {left_out} rows not drawn" if left_out > 0 else ""
    figure.text(0.02, 1 - 0.6 / height, legend, fontsize=9, color=_SOFT, va="center")
    if not rows:
        figure.text(0.5, 0.4, "nobody was seen where an item is required", fontsize=11, color=_SOFT, ha="center")
    dates = [day.day for day in report.days]
    for number, trend in enumerate(rows[:_MOST_ROWS]):
        bottom = height - _HEAD_IN - _ROW_IN * (number + 1)
        axes = figure.add_axes((0.3, (bottom + 0.3) / height, 0.67, (_ROW_IN - 0.4) / height))
        _row(axes, trend, dates)
        name = _plain(trend.item, _LONGEST_NAME)
        where = _plain(f"{trend.zone} · {trend.camera}", _LONGEST_NAME)
        axes.text(-0.07, 0.68, name, transform=axes.transAxes, ha="right", va="center", fontsize=10, color=_INK)
        axes.text(-0.07, 0.3, where, transform=axes.transAxes, ha="right", va="center", fontsize=8.5, color=_SOFT)
    return figure


def _row(axes: Axes, trend: Trend, dates: list[str]) -> None:
    untold = [(total.cannot_tell_share or 0.0) if total else 0.0 for total in trend.days]
    worn = [total.worn_share if total and total.worn_share is not None else float("nan") for total in trend.days]
    places = range(len(dates))
    axes.bar(places, untold, width=0.7, color=_UNTOLD, zorder=1)
    axes.plot(places, worn, color=_WORN, marker="o", markersize=4, linewidth=1.6, zorder=2)
    axes.set(xlim=(-0.6, len(dates) - 0.4), ylim=(0, 1.06))
    axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"], fontsize=8, color=_SOFT)
    step = -(-len(dates) // _MOST_DATES)
    axes.set_xticks(places[::step], [day[5:] for day in dates[::step]], fontsize=8, color=_SOFT)
    axes.tick_params(length=3, color=_SOFT)
    axes.grid(axis="y", color="#e3e6eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_SOFT)


def _plain(text: str, most: int) -> str:
    """Return text in one line, without controls."""
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= most else text[: most - 1] + "…"
