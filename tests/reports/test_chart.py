from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from raypp.reports.chart import LaneName, UnseenSpan, find_gaps, make_chart
from raypp.reports.period import Period
from raypp.usage.coverage import NO_FRAMES, sights
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch, episode_id
from raypp.usage.observation import Observation

GATE, AGAIN = StreamName("plant-1", "gate", 1), StreamName("plant-1", "gate", 2)
BERLIN = ZoneInfo("Europe/Berlin")


def use(start, end, tool="saw", stream=GATE, state=EpisodeState.FINAL):
    reason = None if state is EpisodeState.OPEN else CloseReason.ENDED
    name = episode_id(stream, tool, "", start, "settings")
    return Episode(name, stream, tool, "", start, end, end - start, state, reason)


def saw(start, end, observation=Observation.OBSERVED, stream=GATE):
    return Stretch(stream, start, end, observation)


def gaps_of(period, stretches):
    return find_gaps(period, sights(stretches, ["gate"])["gate"])


def test_time_without_frames_and_time_with_a_covered_camera_are_told_apart():
    gaps = gaps_of(Period(0, 100), [saw(10, 40), saw(40, 60, Observation.COVERED), saw(60, 90)])
    assert gaps == (UnseenSpan(0, 10, NO_FRAMES), UnseenSpan(40, 60, "covered"), UnseenSpan(90, 100, NO_FRAMES))


def test_what_one_epoch_saw_was_seen():
    covered = saw(0, 50, Observation.COVERED)
    assert gaps_of(Period(0, 100), [covered, saw(20, 100, stream=AGAIN)]) == (UnseenSpan(0, 20, "covered"),)


def test_without_stretches_all_is_unobserved():
    assert gaps_of(Period(5, 9), []) == (UnseenSpan(5, 9, NO_FRAMES),)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.sampled_from(Observation))))
def test_gaps_are_exactly_what_nothing_observed(stretches):
    period = Period(10, 50)
    gaps = gaps_of(period, [saw(start, start + length, kind) for start, length, kind in stretches])
    unseen = {at for gap in gaps for at in range(gap.start_us, gap.end_us)}
    seen = {
        at for start, length, kind in stretches if kind is Observation.OBSERVED for at in range(start, start + length)
    }
    assert unseen == set(range(10, 50)) - seen
    assert all(first.end_us <= second.start_us for first, second in pairwise(gaps))


def test_uses_are_cut_to_the_period_and_those_outside_left_out():
    chart = make_chart("plant-1", Period(10, 20), BERLIN, [use(0, 12), use(18, 30), use(20, 25), use(5, 10)], [])
    (lane,) = chart.cameras[0].lanes
    assert [(bar.start_us, bar.end_us) for bar in lane.bars] == [(10, 12), (18, 20)]
    assert lane.uses == 2


def test_uses_too_close_to_draw_apart_are_drawn_together_and_still_counted():
    uses = [use(at, at + 1, state=EpisodeState.OPEN if at == 30 else EpisodeState.FINAL) for at in range(0, 40, 2)]
    chart = make_chart("plant-1", Period(0, 10_000), BERLIN, uses, [saw(0, 10_000)], steps=100)
    (lane,) = chart.cameras[0].lanes
    (bar,) = lane.bars
    assert (bar.start_us, bar.end_us, bar.uses, bar.state) == (0, 39, 20, EpisodeState.OPEN)
    assert lane.uses == 20


def test_a_lane_is_shown_for_a_tool_that_was_not_used():
    chart = make_chart("plant-1", Period(0, 10), BERLIN, [], [], {LaneName("gate", "bench", "saw"): 0})
    assert [(lane.tool, lane.station, lane.uses) for lane in chart.cameras[0].lanes] == [("saw", "bench", 0)]
    assert chart.colours == {"saw": 0}


def test_a_camera_that_only_saw_is_in_the_chart():
    chart = make_chart("plant-1", Period(0, 10), BERLIN, [], [saw(0, 10)])
    assert [(camera.camera, camera.lanes, camera.gaps) for camera in chart.cameras] == [("gate", (), ())]
