"""Real videos, public weights on plain frames, and the same fold: bottles leave their slots, people come and go."""

from functools import cache
from statistics import median

import pytest

from raypp.usage.episode import CloseReason, StreamName
from raypp.usage.fold import Fold
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
_GRACE_S = 1
_NOBODY = f"""
cameras:
  video:
    zones:
      room: {{polygon: [[0, 0], [1, 0], [1, 1], [0, 1]], forbidden: true, grace_s: {_GRACE_S}}}
"""
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
    classes, frames = _detected(video)
    episodes = fold_video(rules, classes, frames)
    errors = boundary_errors(episodes, truth)
    print(f"{video}: boundary errors {', '.join(f'{error:.2f}' for error in errors)} s")
    for segment in episodes:
        print(f"  {segment.label or 'anywhere'}: {segment.start_s:.1f} to {segment.end_s:.1f} s")
    assert segmental_f1(episodes, truth, 0.5).f1 == 1.0
    assert len(errors) == 2 * len(truth)
    assert median(errors) <= 0.5
    assert max(errors) <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("video", "truth"),
    [("one-by-one-person-detection.mp4", _PEOPLE_THERE), ("worker-zone-detection.gif", [LabelledSpan("", 0.0, 4.67)])],
)
@pytest.mark.timeout(1200)
def test_each_person_in_a_zone_is_one_violation(video: str, truth: list[LabelledSpan]) -> None:
    classes, frames = _detected(video)
    people = Fold(SiteSettings.parse(_NOBODY, "test"), _STREAM, classes)
    state, changes = people.advance(people.begin(), frames)
    changes = changes.then(people.finish(state, CloseReason.END_OF_STREAM)[1])
    spans = sorted((violation.start_us / 1e6 - _GRACE_S, violation.end_us / 1e6) for violation in changes.violations)
    print(f"{video}: {', '.join(f'{start:.1f} to {end:.1f} s' for start, end in spans)}")
    assert len({violation.track for violation in changes.violations}) == len(spans) == len(truth)
    errors = [abs(start - true.start_s) for (start, _), true in zip(spans, truth, strict=True)]
    errors += [abs(end - true.end_s) for (_, end), true in zip(spans, truth, strict=True)]
    assert median(errors) <= 0.5
    assert max(errors) <= 1.5


@cache
def _detected(video: str) -> tuple[tuple[str, ...], list[SeenFrame]]:
    return detect_plain(shared_data("videos", video), shared_data("weights", "yolov8n.pt"), _FPS)


def fold_video(rules: str, classes: tuple[str, ...], frames: list[SeenFrame]) -> list[LabelledSpan]:
    """Fold what was seen of a video; gives uses by station."""
    _, ledger = fold(SiteSettings.parse(rules, "test"), [frames], stream=_STREAM, classes=classes)
    return [LabelledSpan(station, start, end) for _, station, start, end, _ in ledger.rows()]
