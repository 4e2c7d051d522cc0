"""What counts as use in each mode, frame by frame."""

import pytest

from raypp.geometry.polygons import apart, inside
from raypp.usage.observation import Detection
from tests.usage.seen import CLASSES, box, fold, frame, settings

_QUICK = "min_on_s: 0, max_gap_s: 0"
_STATIONS = """
cameras:
  cam-1:
    aspect: 1
    stations:
      left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
      right: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
"""


def _rows(rules: str, frames: list) -> list:
    _, ledger = fold(settings(f"{_STATIONS}max_lateness_s: 0\ntools: [{{{rules}}}]"), [frames])
    return [(row[1], row[2], row[3]) for row in ledger.rows()]


def test_present_is_a_confident_detection_anywhere() -> None:
    frames = [
        frame(0),
        frame(1, box("hammer", 0.2, 0.5)),
        frame(2, box("hammer", 0.2, 0.5, confidence=0.2)),
        frame(3, box("saw", 0.2, 0.5)),
        frame(4, box("hammer", 0.9, 0.9)),
        frame(5),
    ]
    assert _rows(f"class: hammer, {_QUICK}", frames) == [("", 1, 2), ("", 4, 5)]
    assert _rows(f"class: hammer, min_confidence: 0.1, {_QUICK}", frames) == [("", 1, 3), ("", 4, 5)]


def test_stations_split_by_the_middle_of_the_box() -> None:
    frames = [frame(0, box("hammer", 0.49, 0.5)), frame(1, box("hammer", 0.51, 0.5)), frame(2)]
    assert _rows(f"class: hammer, stations: ['*'], {_QUICK}", frames) == [("left", 0, 1), ("right", 1, 2)]
    assert _rows(f"class: hammer, stations: [right], {_QUICK}", frames) == [("right", 1, 2)]


def test_absent_is_a_station_without_the_tool() -> None:
    frames = [
        frame(0, box("hammer", 0.2, 0.5), box("saw", 0.8, 0.5)),
        frame(1, box("hammer", 0.8, 0.5)),
        frame(2, box("hammer", 0.2, 0.5), box("hammer", 0.8, 0.5)),
        frame(3, box("hammer", 0.2, 0.5)),
        frame(4, box("hammer", 0.2, 0.5)),
    ]
    assert _rows(f"class: hammer, mode: absent, stations: [left], {_QUICK}", frames) == [("left", 1, 2)]
    assert _rows(f"class: hammer, mode: absent, stations: [right], {_QUICK}", frames) == [
        ("right", 0, 1),
        ("right", 3, 5),
    ]


def test_in_hand_is_within_reach_of_a_hand() -> None:
    frames = [
        frame(0, box("hammer", 0.5, 0.5), box("hand", 0.5, 0.5)),
        frame(1, box("hammer", 0.5, 0.5), box("hand", 0.61, 0.5)),
        frame(2, box("hammer", 0.5, 0.5), box("hand", 0.65, 0.5)),
        frame(3, box("hammer", 0.5, 0.5), box("person", 0.5, 0.5)),
        frame(4, box("hand", 0.5, 0.5)),
        frame(5),
    ]
    assert _rows(f"class: hammer, mode: in_hand, near: [hand], {_QUICK}", frames) == [("", 0, 2)]
    assert _rows(f"class: hammer, mode: in_hand, near: [hand, person], reach: 0.06, {_QUICK}", frames) == [("", 0, 4)]


def test_worn_asks_for_one_item_on_each_person() -> None:
    tall = {"w": 0.2, "h": 0.6}
    frames = [
        frame(0),
        frame(1, box("person", 0.2, 0.5, **tall)),
        frame(2, box("person", 0.2, 0.5, **tall), box("helmet", 0.2, 0.25)),
        frame(3, box("person", 0.2, 0.5, **tall), box("person", 0.3, 0.5, **tall), box("helmet", 0.25, 0.25)),
        frame(
            4,
            box("person", 0.2, 0.5, **tall),
            box("person", 0.3, 0.5, **tall),
            box("helmet", 0.25, 0.25),
            box("helmet", 0.15, 0.25),
        ),
        frame(5, box("helmet", 0.25, 0.25)),
        frame(6),
    ]
    rules = f"class: helmet, mode: worn, near: [person], {_QUICK}"
    _, ledger = fold(settings(f"max_lateness_s: 0\ntools: [{{{rules}}}]"), [frames])
    assert ledger.rows() == [
        ("helmet wearer", "", 1, 5, "ENDED"),
        ("helmet", "", 2, 3, "ENDED"),
        ("helmet", "", 4, 5, "ENDED"),
    ]


def test_moving_begins_when_the_tool_leaves_its_place_and_ends_when_it_lies() -> None:
    frames = [frame(t / 10, box("hammer", 0.3, 0.3)) for t in range(10)]
    frames += [frame(t / 10, box("hammer", 0.3 + (t - 9) * 0.02, 0.3)) for t in range(10, 20)]
    frames += [frame(t / 10, box("hammer", 0.5, 0.3)) for t in range(20, 50)]
    assert _rows("class: hammer, mode: moving, min_on_s: 0.5, max_gap_s: 0.5", frames) == [("", 1.0, 2.0)]


def test_a_hand_that_covers_and_uncovers_a_tool_does_not_move_it() -> None:
    whole = box("hammer", 0.5, 0.5, 0.2, 0.1)
    half = Detection(CLASSES.index("hammer"), 0.9, whole.x1, whole.y1, 0.5, whole.y2)
    frames = [frame(t / 10, half if 10 <= t < 20 else whole) for t in range(40)]
    frames[14:17] = [frame(t / 10) for t in range(14, 17)]  # wholly hidden, and seen again where it lay
    assert _rows("class: hammer, mode: moving, min_on_s: 0.1, max_gap_s: 0.5", frames) == []


def test_a_tool_hidden_in_the_hand_was_in_use_if_it_has_moved_when_seen_again() -> None:
    lay, put = box("hammer", 0.3, 0.3), box("hammer", 0.7, 0.3)
    frames = [frame(t / 10, *(() if 20 <= t < 50 else (lay if t < 20 else put,))) for t in range(80)]
    rules = "class: hammer, mode: moving, min_on_s: 0.5, max_gap_s: 0.5"
    assert _rows(rules, frames) == [("", 2.0, 5.1)]
    assert _rows(f"{rules}, max_hidden_s: 2", frames) == []


def test_moving_counts_at_the_station_where_it_moves() -> None:
    frames = [frame(t / 10, box("hammer", 0.25 + 0.02 * max(0, min(t - 10, 25)), 0.3)) for t in range(60)]
    rows = _rows("class: hammer, mode: moving, stations: ['*'], min_on_s: 0.1, max_gap_s: 0.5", frames)
    assert rows == [("left", 1.1, 2.3), ("right", 2.3, 3.6)]


def test_two_tools_of_a_class_are_followed_apart() -> None:
    frames = []
    for t in range(60):
        away = 0.015 * max(0, min(t - 10, 30))
        frames.append(frame(t / 10, box("hammer", 0.2 + away, 0.3), box("hammer", 0.35, 0.6)))
    assert _rows("class: hammer, mode: moving, min_on_s: 0.5, max_gap_s: 0.5", frames) == [("", 1.1, 4.1)]


@pytest.mark.parametrize(
    ("point", "expected"),
    [((0.25, 0.5), True), ((0.5, 0.75), False), ((0.75, 0.5), True), ((0.5, 0.2), True), ((1.1, 0.5), False)],
)
def test_a_point_in_a_notched_polygon(point: tuple[float, float], expected: bool) -> None:
    notched = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.3), (0.0, 1.0)]
    assert inside(point, notched) is expected
    assert inside(point, notched[::-1]) is expected


def test_boxes_are_apart_by_the_wider_gap() -> None:
    assert apart((0, 0, 1, 1), (0.5, 0.5, 2, 2)) == 0
    assert apart((0, 0, 1, 1), (3, 1.5, 4, 2)) == 2
    assert apart((3, 1.5, 4, 2), (0, 0, 1, 1)) == 2
