"""People and their equipment: the fold beside the truth of unseen yards, tracks beside people, a frame's cost."""

import math
import time
from dataclasses import replace
from pathlib import Path

import motmetrics
import numpy as np

from raypp.demo.yard.figure import CLASSES, Facing, Outfit, PersonFigure
from raypp.demo.yard.settings import CAMERA, yard_site_settings
from raypp.demo.yard.sight import ITEMS, Scene
from raypp.demo.yard.site import FPS, Seeds, TrueFrame, Yard, trembling
from raypp.geometry.boxes import box_iou
from raypp.usage.body import Body
from raypp.usage.fold import Fold
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from tests.usage.yards import SETTINGS, STREAM, Score, folded

_ASPECT = SETTINGS.cameras[CAMERA].aspect
_COSTED = 600
_EACH = 5
"""Tracks are compared on each so many-th frame: the measure is slow."""


def people_rows(_folder: Path, yards: int) -> list[tuple[str, str, str]]:
    """Score judge yards with true boxes and with trembling ones; measure the tracks and the fold's cost."""
    true, trembled = Score(), Score()
    tracks, tracks_of_all = motmetrics.MOTAccumulator(), motmetrics.MOTAccumulator()
    people = followed = 0
    for number in range(yards):
        frames = Yard.make(Seeds.JUDGE, number).frames
        seen = tuple(frame.frame for frame in frames)
        true.add(frames, folded(seen))
        trembled.add(frames, folded(trembling(seen, np.random.default_rng([7, number]))))
        named = _named(frames)
        people += len({person.number for frame in named for person in frame.people})
        followed += _follow(named, number, tracks)
        _follow(frames, number, tracks_of_all)
    rows = [
        ("yards of 90 s, unseen before", f"{yards}", ""),
        ("violations, true boxes: F1@50", f"{true.f1:.4f} of {true.true}", "bar >= 0.98"),
        *((f"person-seconds {state}, true: error", f"{off:.2%}", "bar <= 2 %") for state, off in true.errors().items()),
        ("violations, boxes trembling by 1 px, 2 % missed: F1@50", f"{trembled.f1:.4f}", "bar >= 0.93"),
        *((f"person-seconds {state}, trembling: error", f"{off:.2%}", "") for state, off in trembled.errors().items()),
        ("tracks: IDF1", f"{_idf1(tracks):.4f}", "bar >= 0.95"),
        ("tracks: IDF1, also of people unseen for too long", f"{_idf1(tracks_of_all):.4f}", ""),
        ("tracks for people", f"{followed} for {people}", ""),
    ]
    cost_ms, size = _cost()
    return [
        *rows,
        ("ten people, five items: CPU of a frame", f"{cost_ms:.2f} ms", "bar <= 1 ms"),
        ("the same: size of the state", f"{size / 1000:.1f} kB", "bar <= 64 kB"),
    ]


def _idf1(tracks: motmetrics.MOTAccumulator) -> float:
    return float(motmetrics.metrics.create().compute(tracks, metrics=["idf1"], name="all")["idf1"].iloc[0])


def _named(frames: tuple[TrueFrame, ...]) -> tuple[TrueFrame, ...]:
    """Give who was unseen for longer than `max_missing_s` another number, as the settings define it."""
    longest = round(SETTINGS.followed.max_missing_s * FPS) + 1
    last: dict[int, int] = {}
    absences: dict[int, int] = {}
    renamed = []
    for index, frame in enumerate(frames):
        people = []
        for person in frame.people:
            if person.box is not None and frame.frame.observation is Observation.OBSERVED:
                if index - last.get(person.number, index) > longest:
                    absences[person.number] = absences.get(person.number, 0) + 1
                last[person.number] = index
            people.append(replace(person, number=person.number * 20 + absences.get(person.number, 0)))
        renamed.append(TrueFrame(frame.frame, tuple(people)))
    return tuple(renamed)


def _follow(frames: tuple[TrueFrame, ...], yard: int, tracks: motmetrics.MOTAccumulator) -> int:
    """Note whom the fold follows beside who is there; return how many it followed."""
    fold = Fold(SETTINGS, STREAM, CLASSES)
    state = fold.begin()
    for index, frame in enumerate(frames):
        state, _ = fold.advance(state, [frame.frame])
        if state.people is None or index % _EACH or index == 0:
            continue
        shown = frames[index - 1]  # a frame is folded once the next has come
        if shown.frame.observation is not Observation.OBSERVED:
            continue
        there = [person for person in shown.people if person.box is not None]
        known = [track for track in state.people.tracks if track.missing_us is None]
        boxes = np.array([person.box for person in there]).reshape(-1, 4)
        bodies = np.array([_edges(track.body) for track in known]).reshape(-1, 4)
        apart = 1 - box_iou(boxes, bodies)
        apart[apart > 0.5] = np.nan
        names = [yard * 10_000 + person.number for person in there]
        tracks.update(names, [yard * 10_000 + track.number for track in known], apart, frameid=yard * 10_000 + index)
    return state.people.next_number - 1 if state.people else 0


def _edges(body: Body) -> tuple[float, float, float, float]:
    return body.left, body.top * _ASPECT, body.right, body.bottom * _ASPECT


def _cost() -> tuple[float, int]:
    """CPU milliseconds of a frame with ten people of whom both zones require all five items; bytes of the state."""
    text = yard_site_settings("yard")
    for items in ("helmet, vest, gloves, shoes", "helmet, vest, glasses"):
        text = text.replace(f"require: [{items}]", f"require: [{', '.join(ITEMS)}]")
    fold = Fold(SiteSettings.parse(text, "yard"), STREAM, CLASSES)
    frames = [_ten_people(index) for index in range(_COSTED)]
    times = []
    for _ in range(5):
        began = time.process_time()
        state, _changes = fold.advance(fold.begin(), frames)
        times.append(time.process_time() - began)
    return min(times) / _COSTED * 1e3, len(state.to_json())


def _ten_people(index: int) -> SeenFrame:
    people = []
    for number in range(10):
        x = 100 + 115 * number + 40 * math.sin(index / 2 / FPS + number)
        y = 450 + number % 5 * 60 + 20 * math.cos(index / 3 / FPS + number)
        facing = list(Facing)[(index // 40 + number) % 4]
        outfit = Outfit(
            helmet=(index // 60 + number) % 3 > 0,
            vest=number % 2 == 0,
            glasses=number % 3 > 0,
            shoes=number % 4 > 0,
            gloves=2 * (number % 2),
            carried=False,
        )
        people.append((number, PersonFigure(x, y, 0.72 * (y - 86), facing), outfit))
    detections = tuple(Scene(people).detections)
    return SeenFrame(index, round(index / FPS * 1e6), Observation.OBSERVED, detections)
