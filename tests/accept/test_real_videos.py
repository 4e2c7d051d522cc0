"""Real videos, public weights on plain frames, and the same fold: when bottles leave their slots, and people come."""

from statistics import median

import pytest

from raypp.usage.episode import StreamName
from raypp.usage.metrics import LabelledSpan, boundary_errors, segmental_f1
from raypp.usage.observation import SeenFrame
from raypp.usage.settings import SiteSettings
from tests.accept.plain import detect_plain
from tests.data import shared_data
from tests.usage.seen import fold

_FPS = 10
_STREAM = StreamName("site", "video", 1)

_BOTTLES = """
cameras:
  video:
    stations:
      left: [[0, 0.5], [0.33, 0.5], [0.33, 0.7], [0, 0.7]]
      middle: [[0.33, 0.5], [0.66, 0.5], [0.66, 0.7], [0.33, 0.7]]
      right: [[0.66, 0.5], [1, 0.5], [1, 0.7], [0.66, 0.7]]
tools: [{class: bottle, mode: absent, stations: ["*"]}]
"""
_BOTTLES_AWAY = [
    LabelledSpan("left", 6.8, 12.9),
    LabelledSpan("left", 17.45, 28.0),
    LabelledSpan("middle", 17.4, 23.2),
    LabelledSpan("right", 31.7, 35.7),
]
_PEOPLE = "tools: [{class: person}]"
_PEOPLE_THERE = [
    LabelledSpan("", start, end)
    for start, end in [(6.4, 20.0), (22.8, 44.8), (50.8, 70.0), (74.8, 86.4), (92.8, 119.6), (123.6, 136.0)]
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("video", "rules", "truth"),
    [
        ("bottle-detection.mp4", _BOTTLES, _BOTTLES_AWAY),
        ("one-by-one-person-detection.mp4", _PEOPLE, _PEOPLE_THERE),
    ],
)
@pytest.mark.timeout(1200)
def test_boundaries_on_real_video(video: str, rules: str, truth: list[LabelledSpan]) -> None:
    path, weights = shared_data("videos", video), shared_data("weights", "yolov8n.pt")
    classes, frames = detect_plain(path, weights, _FPS)
    episodes = fold_video(rules, classes, frames)
    errors = boundary_errors(episodes, truth)
    print(f"{video}: boundary errors {', '.join(f'{error:.2f}' for error in errors)} s")
    for segment in episodes:
        print(f"  {segment.label or 'anywhere'}: {segment.start_s:.1f} to {segment.end_s:.1f} s")
    assert segmental_f1(episodes, truth, 0.5).f1 == 1.0
    assert len(errors) == 2 * len(truth)
    assert median(errors) <= 0.5
    assert max(errors) <= 1.5


def fold_video(rules: str, classes: tuple[str, ...], frames: list[SeenFrame]) -> list[LabelledSpan]:
    """Fold what was seen of a video; gives uses by station."""
    _, ledger = fold(SiteSettings.parse(rules, "test"), [frames], stream=_STREAM, classes=classes)
    return [LabelledSpan(station, start, end) for _, station, start, end, _ in ledger.rows()]
