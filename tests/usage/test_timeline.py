"""The report: fact, sequence, duration and coverage, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch, episode_id
from raypp.usage.lane_record import percentile
from raypp.usage.observation import Observation
from raypp.usage.report import SiteReport
from raypp.usage.timeline import make_usage_report
from tests.usage.seen import settings

S = 1_000_000
_DAY = 1_768_003_200 * S  # 2026-01-10 00:00 UTC, a Saturday, 01:00 in Berlin
_RULES = settings("""
time_zone: Europe/Berlin
shifts:
  - {name: night, start: 22:00, end: 01:01}
  - {name: early, start: 01:01, end: 09:00}
cameras:
  c1: {stations: {rack: [[0, 0], [1, 0], [1, 1]]}}
  c2: {}
tools:
  - {class: hammer}
  - {class: saw, mode: absent, stations: [rack]}
  - {class: helmet, mode: worn, near: [person]}
""")


def _episode(
    tool: str,
    start: float,
    end: float,
    camera: str = "c1",
    station: str = "",
    state: EpisodeState = EpisodeState.FINAL,
    reason: CloseReason | None = CloseReason.ENDED,
) -> Episode:
    stream = StreamName("s", camera, 1)
    start_us, end_us = _DAY + round(start * S), _DAY + round(end * S)
    name = episode_id(stream, tool, station, start_us, "x")
    return Episode(name, stream, tool, station, start_us, end_us, end_us - start_us, state, reason)


def _stretch(start: float, end: float, camera: str = "c1", seen: Observation = Observation.OBSERVED) -> Stretch:
    return Stretch(StreamName("s", camera, 1), _DAY + round(start * S), _DAY + round(end * S), seen)


_EPISODES = [
    _episode("hammer", 10, 20),
    _episode("hammer", 30, 50),
    _episode("saw", 15, 40, station="rack"),
    _episode("hammer", 70, 90, reason=CloseReason.NOT_OBSERVED),
    _episode("hammer", 110, 120, state=EpisodeState.OPEN, reason=None),
    _episode("hammer", 45, 60, camera="c2"),
    _episode("helmet wearer", 0, 80),
    _episode("helmet", 20, 60),
]
_STRETCHES = [
    _stretch(0, 90),
    _stretch(90, 100, seen=Observation.COVERED),
    _stretch(105, 120),
    _stretch(0, 120, camera="c2"),
]


def _report(start: float = 0, end: float = 120) -> SiteReport:
    return make_usage_report(_RULES, "s", _DAY + round(start * S), _DAY + round(end * S), _EPISODES, _STRETCHES)


def test_states_of_each_lane_add_up() -> None:
    lanes = {(lane.camera, lane.tool, lane.station): lane for lane in _report().lanes}
    assert list(lanes) == [("c1", "hammer", ""), ("c1", "saw", "rack"), ("c2", "hammer", "")]
    hammer = lanes["c1", "hammer", ""]
    states = hammer.states
    assert (states.used_s, states.not_used_s, states.not_observed_s) == (60, 45, 15)
    assert (hammer.episodes, hammer.open, hammer.provisional, hammer.mode) == (4, 1, 0, "present")
    assert (hammer.durations.count, hammer.durations.mean_s, hammer.durations.max_s) == (2, 15, 20)
    assert lanes["c1", "saw", "rack"].mode == "absent"


def test_a_tool_over_cameras_is_unused_only_where_all_saw_it_unused() -> None:
    hammer, saw = _report().tools
    assert (hammer.name, hammer.episodes, hammer.durations.count) == ("hammer", 5, 3)
    assert hammer.states.used_s == 10 + 30 + 20 + 10
    assert hammer.states.not_observed_s == 15
    assert hammer.states.not_used_s == 35
    assert (saw.name, saw.states.used_s) == ("saw", 25)
    assert [(station.name, station.states.used_s) for station in _report().stations] == [("rack", 25)]


def test_safety_equipment_is_a_share_of_the_time_somebody_is_seen() -> None:
    first, second = _report().worn
    assert (first.camera, first.equipment, first.seen_s, first.worn_s, first.worn_share) == (
        "c1",
        "helmet",
        80,
        40,
        0.5,
    )
    assert (second.camera, second.seen_s, second.worn_share) == ("c2", 0, None)
    assert not {"helmet", "helmet wearer"} & {step.tool for step in _report().sequence}


def test_sequence_marks_what_is_open_or_clipped() -> None:
    steps = _report(15, 115).sequence
    assert [(step.number, step.tool, step.camera, step.duration_s, step.clipped, step.state) for step in steps] == [
        (1, "hammer", "c1", 5, True, "final"),
        (2, "saw", "c1", 25, False, "final"),
        (3, "hammer", "c1", 20, False, "final"),
        (4, "hammer", "c2", 15, False, "final"),
        (5, "hammer", "c1", 20, False, "final"),
        (6, "hammer", "c1", 5, True, "open"),
    ]
    assert steps[0].start == "2026-01-10T01:00:10+01:00"
    assert [step.reason for step in steps][-2:] == ["not_observed", None]


def test_transitions_are_of_one_camera_and_tell_what_was_not_observed_between() -> None:
    transitions = {(transition.before, transition.after): transition for transition in _report().transitions}
    assert (transitions["hammer", "saw"].count, transitions["hammer", "saw"].mean_pause_s) == (1, 0)
    assert (transitions["saw", "hammer"].count, transitions["saw", "hammer"].not_observed) == (1, 0)
    again = transitions["hammer", "hammer"]
    assert (again.count, again.not_observed, again.mean_pause_s) == (1, 1, 20)
    assert len(transitions) == 3


def test_shifts_split_the_range() -> None:
    night, early = _report().shifts
    assert (night.name, night.day, night.start, night.end) == (
        "night",
        "2026-01-09",
        "2026-01-09T22:00:00+01:00",
        "2026-01-10T01:01:00+01:00",
    )
    assert (night.start_us, night.end_us, early.start_us) == (_DAY, _DAY + 60 * S, _DAY + 60 * S)
    assert night.tools[0].states.used_s + early.tools[0].states.used_s == 70
    assert night.coverage[0].observed_share == 1
    assert early.coverage[0].reasons_s == {"covered": 10, "no frames": 5}
    assert (night.worn[0].seen_s, early.worn[0].seen_s) == (60, 20)


def test_zero_stands_for_the_beginning_and_the_end_of_what_is_known() -> None:
    report = make_usage_report(_RULES, "s", 0, 0, _EPISODES, _STRETCHES)
    assert (report.from_us, report.to_us) == (_DAY, _DAY + 120 * S)
    assert report == _report()
    empty = make_usage_report(_RULES, "s", 0, 0, [], [])
    assert (empty.sequence, empty.transitions) == ([], [])
    assert [camera.camera for camera in empty.coverage] == ["c1", "c2"]


def test_nothing_seen_is_not_observed_rather_than_not_used() -> None:
    report = make_usage_report(_RULES, "s", _DAY, _DAY + 60 * S, [], [])
    assert {lane.states.not_observed_s for lane in report.lanes} == {60}
    assert {lane.used for lane in report.lanes} == {False}


def test_lanes_that_the_settings_know_no_more_stay_in_the_report() -> None:
    lanes = make_usage_report(settings("tools: [{class: saw}]"), "s", 0, 0, _EPISODES, _STRETCHES).lanes
    modes = {(lane.camera, lane.tool, lane.station): lane.mode for lane in lanes}
    assert modes["c1", "hammer", ""] is None
    assert modes["c1", "saw", ""] == "present"


def test_default_settings_report_what_was_found() -> None:
    report = make_usage_report(settings(""), "s", 0, 0, _EPISODES, _STRETCHES)
    assert {lane.mode for lane in report.lanes} == {"present"}
    assert report.shifts == []


def test_the_json_is_read_back_as_it_was() -> None:
    report = _report()
    assert SiteReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 2.5), (1, 10), (0.25, 1.75)])
def test_percentiles_are_interpolated(share: float, value: float) -> None:
    assert percentile([1, 2, 3, 10], share) == value


@hypothesis_settings(deadline=None)  # the first calls of numpy take long on a busy machine
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=8))
def test_each_shift_counts_the_uses_that_reach_into_it(uses: list[tuple[int, int]]) -> None:
    rules = settings("shifts: [{name: a, start: 00:00:10, end: 00:00:20}, {name: b, start: 00:00:20, end: 00:00:25}]")
    episodes = [_episode("saw", start, start + length) for start, length in uses]
    report = make_usage_report(rules, "s", _DAY, _DAY + 100 * S, episodes, [_stretch(0, 100)])
    for shift, (begin, end) in zip(report.shifts, ((10, 20), (20, 25)), strict=True):
        reaching = [use for use in uses if use[0] < end and sum(use) > begin]
        moments = {moment for start, length in uses for moment in range(start, start + length)} & set(range(begin, end))
        assert [(tool.episodes, tool.states.used_s) for tool in shift.tools] == (
            [(len(reaching), len(moments))] if uses else []
        )
