"""Throughput against what grows: workers, segments, streams, the size of an archive, and the length of a history."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.history import make_history
from benchmarks.ledger import probe
from benchmarks.older import ROOT
from benchmarks.planning import made_plan
from benchmarks.ray_segments import segment_rate, simulated, small_segments
from raypp.bench.sample_video import make_source
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

Row = tuple[str, str, str]
_SEGMENTS = 301
_COLOUR = "#1f6f8b"


class Curve(NamedTuple):
    """Throughput at growing sizes.

    Attributes:
        what: what grows.
        unit: of the throughput.
        points: size and throughput of each point.
    """

    what: str
    unit: str
    points: list[tuple[int, float]]


def scaling_rows(folder: Path, chart: Path | None) -> list[Row]:
    """Measure five curves; draws them, if a file is named."""
    curves = []
    for measure in (_workers, _segments, _streams, _images, _days):
        place = folder / measure.__name__.strip("_")
        place.mkdir()
        curves.append(measure(place))
    if chart:
        _draw(curves, chart)
    return [
        (f"{curve.what}: {size:,}", f"{rate:,.1f} {curve.unit}", f"{rate / curve.points[0][1]:.2f} of the first")
        for curve in curves
        for size, rate in curve.points
    ]


def _workers(folder: Path) -> Curve:
    video = make_source(folder / "in" / "video.mp4", (_SEGMENTS + 9) / 60, (320, 180), keyframe_s=1)
    key = folder / "owner.key"
    save_owner_key(VeilKey.generate(), key)
    rates = [
        (number, segment_rate(ROOT, "ray", video, small_segments(folder / str(number), key), _SEGMENTS, number)[0])
        for number in range(1, (os.cpu_count() or 1) + 1)
    ]
    return Curve("workers of a veil job on Ray", "segments/s", rates)


def _segments(_: Path) -> Curve:
    return _curve(
        "segments of a job, without veiling",
        "segments/s",
        (1_000, 10_000, 100_000),
        lambda number: number / simulated(2, number)["seconds"],
    )


def _streams(folder: Path) -> Curve:
    return _curve(
        "streams of a ledger",
        "commits/s",
        (1, 2, 4, 8, 16, 32),
        lambda number: probe(ROOT, "streams", folder / f"{number}.db", number)["writer a second"],
    )


def _images(folder: Path) -> Curve:
    def planned(number: int) -> float:
        place = folder / str(number)
        place.mkdir()
        return number / made_plan(place, number)[0][0]

    return _curve("images of an archive, planned", "images/CPU s", (10_000, 50_000, 250_000), planned)


def _days(folder: Path) -> Curve:
    def read(days: int) -> float:
        ledger = folder / f"{days}.db"
        make_history(ledger, days)
        return 1000 / probe(ROOT, "reads", ledger)["newest day"]

    return _curve("days of a history, of which the newest is read", "reads/CPU s", (7, 31, 120, 365), read)


def _curve(what: str, unit: str, sizes: tuple[int, ...], measure: Callable[[int], float]) -> Curve:
    return Curve(what, unit, [(size, measure(size)) for size in sizes])


def _draw(curves: list[Curve], chart: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(curves), 3.4), layout="constrained")
    for axes, curve in zip(figure.subplots(1, len(curves)), curves, strict=True):
        sizes, rates = zip(*curve.points, strict=True)
        axes.plot(sizes, rates, marker="o", color=_COLOUR)
        if len(sizes) > 2:
            axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set_ylim(0, 1.15 * max(rates))
        axes.set_title(curve.what, fontsize=10)
        axes.set_ylabel(curve.unit)
        axes.grid(alpha=0.3)
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(chart, metadata={"Date": None} if chart.suffix == ".svg" else None)
