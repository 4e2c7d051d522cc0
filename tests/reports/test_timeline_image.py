from dataclasses import replace

import numpy as np
from PIL import Image

from raypp.reports.chart import Band, LaneName, make_chart
from raypp.reports.period import Period
from raypp.reports.timeline_image import save_image
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch, episode_id
from raypp.usage.observation import Observation
from tests.reports.plants import moment

START = moment(2026, 3, 2, 6, 0)
GATE = StreamName("plant-1", "gate", 1)


def drawn(path, zone, length_s, uses, seen, rows=None):
    period = Period(START, START + round(length_s * 1e6))
    episodes = [
        Episode(
            episode_id(GATE, tool, "", start, ""),
            GATE,
            tool,
            "",
            START + round(start * 1e6),
            START + round(end * 1e6),
            0,
            EpisodeState.FINAL,
            CloseReason.ENDED,
        )
        for tool, start, end in uses
    ]
    stretches = [Stretch(GATE, START + s * 1_000_000, START + e * 1_000_000, Observation.OBSERVED) for s, e in seen]
    bands = [Band("Early $x_1$", period.from_us, period.from_us + period.length_us // 2)]
    chart = make_chart("plant-1", period, zone, episodes, stretches, rows or {})
    save_image(replace(chart, bands=tuple(bands)), path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def columns(pixels, colour):
    """Columns of the plot in which a lane is of a colour."""
    inside = pixels[130:-125, int(2.9 * 130) : -int(1.75 * 130)]
    return (np.abs(inside - colour).sum(axis=2) < 6).any(axis=0)


def test_a_use_lies_where_it_was(tmp_path, zone):
    pixels = drawn(tmp_path / "short.png", zone, 40, [("saw", 10, 30)], [(0, 40)])
    marked = np.flatnonzero(columns(pixels, (0x3B, 0x6F, 0xD4)))
    width = (14 - 2.9 - 1.75) * 130
    assert abs(marked[0] - width * 0.25) < 4
    assert abs(marked[-1] - width * 0.75) < 4


def test_what_was_not_observed_is_hatched_there_and_nowhere_else(tmp_path, zone):
    pixels = drawn(tmp_path / "blind.png", zone, 40, [("saw", 0, 1)], [(0, 20)])
    hatched = columns(pixels, (0xA3, 0xA8, 0xB1))
    half = len(hatched) // 2
    assert not hatched[6 : half - 6].any()
    assert hatched[half + 6 : -6].mean() > 0.9


def test_names_of_any_kind_and_many_lanes_are_drawn(tmp_path, zone):
    names = ["$\\frac{1}{2}$", "\u6271\u624b", "x" * 100, "a\nb\x00c", "\U0001f528", ""]
    pixels = drawn(tmp_path / "odd.png", zone, 8 * 3600, [(name, 0, 3600) for name in names], [(0, 8 * 3600)])
    many = {LaneName("gate", "", f"tool {number}"): 0 for number in range(130)}
    tall = drawn(tmp_path / "many.png", zone, 8 * 3600, [("tool 1", 0, 60)], [(0, 100)], many)
    assert pixels.shape[1] == tall.shape[1] == 1820
    assert pixels.shape[0] < tall.shape[0] < 6000
    assert not list(tmp_path.glob(".*"))


def test_nothing_recorded_is_a_image_too(tmp_path, zone):
    assert drawn(tmp_path / "none.png", zone, 3600, [], []).shape[1] == 1820
