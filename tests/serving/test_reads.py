"""Readings as ranges."""

from raypp.serving.reads import AuditLine, AuditLines


def _reading(detail: str, who: str = "site plant (token 01)") -> AuditLine:
    return AuditLine(who, "episodes", "plant", detail)


def test_the_first_reading_is_written_down_and_those_that_follow_as_one() -> None:
    readings = AuditLines()
    written = [readings.note(_reading(f"{number} episodes"), "plant", float(number)) for number in range(211)]
    assert written == [True] + [False] * 210
    assert readings.due(599) == []
    assert readings.due(600) == [_reading("210 more within 10 min; the latest: 210 episodes")]
    assert readings.due(9999) == []
    assert readings.note(_reading("again"), "plant", 10_000)


def test_one_reading_is_one_line() -> None:
    readings = AuditLines()
    assert readings.note(_reading("3 episodes"), "plant", 0)
    assert readings.due(600) == []


def test_callers_and_subjects_are_told_apart() -> None:
    readings = AuditLines()
    assert all(readings.note(_reading("", who), about, 0) for who in ("a", "b") for about in ("x", "y"))


def test_what_is_left_at_the_end_is_told() -> None:
    readings = AuditLines()
    readings.note(_reading("one"), "plant", 0)
    readings.note(_reading(""), "plant", 1)
    assert readings.rest() == [_reading("1 more within 10 min")]


def test_memory_is_bounded() -> None:
    readings = AuditLines()
    for number in range(10_001):
        readings.note(_reading("", f"site {number}"), "plant", 0)
    readings.note(_reading("2", "site 5"), "plant", 0)
    assert [reading.who for reading in readings.due(1)] == ["site 5"]
    assert readings.note(_reading("", "site 5"), "plant", 2)
