"""Which time a live camera's frames carry while the site's clock jumps: the decision alone, and the agent with it."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.edge.capture.clock import AHEAD_LASTS_US, BACK_LASTS_US, JUMP_US, ClockState, ClockStep, as_utc, read_clock
from raypp.edge.doctor import _remembered
from tests.edge.live_camera import LiveCamera
from tests.edge.service import wait_until
from tests.videos import make_video

S = 1_000_000
DAY = 86_400 * S
TRUE = 1_795_000_000 * S


def _read(offsets_s, state=None, every_us=S):
    """Readings of a clock that is wrong by these seconds, one after another: (true time, reading)."""
    state = state or ClockState(-1)
    readings = []
    for step, offset_s in enumerate(offsets_s):
        true_us = TRUE + step * every_us
        reading = read_clock(state, true_us + round(offset_s * S), step * every_us)
        state = reading.state
        readings.append((true_us, reading))
    return readings


def test_a_blip_of_three_seconds_a_day_ahead_stamps_nothing_ahead():
    readings = _read([0] * 5 + [86_400] * 3 + [0] * 12)
    assert [reading.now_us for _, reading in readings] == [true_us for true_us, _ in readings]
    assert [reading.step for _, reading in readings if reading.step] == [ClockStep.DOUBTED, ClockStep.OVER]


def test_a_blip_back_stamps_nothing_behind():
    readings = _read([0] * 5 + [-86_400] * 3 + [0] * 12)
    assert [reading.now_us for _, reading in readings] == [true_us for true_us, _ in readings]


def test_a_clock_that_stays_ahead_is_believed_and_put_right_again_in_a_new_stream():
    ahead = AHEAD_LASTS_US // S
    readings = _read([0] * 5 + [86_400] * (ahead + 10) + [0] * 20)
    steps = [(at, reading.step) for at, (_, reading) in enumerate(readings) if reading.step]
    assert steps == [
        (5, ClockStep.DOUBTED),
        (5 + ahead, ClockStep.AHEAD),
        (15 + ahead, ClockStep.DOUBTED),
        (15 + ahead + BACK_LASTS_US // S, ClockStep.BACK),
    ]
    true_us, last = readings[-1]
    assert last.now_us == true_us


def test_four_hundred_days_ahead_and_a_restart():
    reading = read_clock(ClockState(TRUE + 400 * DAY), TRUE, 5 * S)
    assert (reading.step, reading.now_us) == (ClockStep.BACK, TRUE)
    assert read_clock(reading.state, TRUE + S, 6 * S).now_us == TRUE + S


def test_a_restart_after_a_long_time_is_no_jump():
    reading = read_clock(ClockState(TRUE - 400 * DAY), TRUE, 0)
    assert (reading.step, reading.now_us) == (None, TRUE)


def test_a_restart_just_after_a_small_step_back_still_rises():
    reading = read_clock(ClockState(TRUE + 3 * S), TRUE, 0)
    assert (reading.step, reading.now_us) == (None, TRUE + 3 * S + 1)


def test_a_small_step_back_is_caught_up_with():
    readings = _read([0] * 3 + [-10] * 40)
    times = [reading.now_us for _, reading in readings]
    assert all(before < after for before, after in pairwise(times))
    assert times[-1] == readings[-1][0] - 10 * S
    assert not any(reading.step for _, reading in readings)


def test_two_jumps_are_two_doubts():
    lasts = AHEAD_LASTS_US // S
    readings = _read([0, *[3600] * (lasts - 1), *[86_400] * (lasts - 1), 0])
    assert ClockStep.AHEAD not in {reading.step for _, reading in readings}
    assert readings[-1][1].step is ClockStep.OVER


_OFFSETS = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, -1, 59, -59, 3600, -3600, 86_400, -86_400, 34_560_000]), st.integers(1, 90)),
    min_size=1,
    max_size=8,
)


@given(_OFFSETS, st.sampled_from([S // 5, S // 2, S, 7 * S]))
def test_time_rises_but_for_a_step_back_and_is_never_far_from_either_clock(spans, every_us):
    offsets = [offset for offset, count in spans for _ in range(count)]
    readings = [reading for _, reading in _read(offsets, every_us=every_us)]
    for before, after in pairwise(readings):
        assert after.now_us > before.now_us or after.step is ClockStep.BACK
        if after.step is ClockStep.BACK:
            assert after.off_us < -JUMP_US
        elif after.step is not ClockStep.AHEAD:
            assert after.now_us - before.now_us <= every_us + JUMP_US


@given(_OFFSETS, st.integers(0, 34_560_000))
def test_once_a_clock_is_right_for_good_its_time_is_soon_given(spans, ahead_s):
    offsets = [offset for offset, count in spans for _ in range(count)] + [ahead_s]
    settle = (AHEAD_LASTS_US + 2 * JUMP_US) // S + 5
    readings = _read([*offsets, *[0] * settle])
    true_us, last = readings[-1]
    assert last.now_us == true_us


def test_a_time_no_calendar_has_is_still_named():
    assert as_utc(TRUE) == "2026-11-18 11:06:40 UTC"
    assert as_utc(1 << 62) == f"{1 << 62} us since 1970"


def _agent(site, service, camera, offset):
    options = ["--camera", "bench-1", "--fps", "5", "--chunk-frames", 2, "--no-watch"]
    return site.agent(service.address, camera.url, *options, clock=offset)


def _times(service):
    return [[time_us for _, time_us, _ in stream.frames] for stream in service.of("bench-1")]


@pytest.mark.slow
def test_the_agent_survives_a_blip_and_begins_anew_after_a_restart_with_the_clock_put_right(site, service):
    """Its clock is replaced in all of its processes by one that is wrong by what a file says, in seconds."""
    offset = site.folder / "offset"
    offset.write_text("0")
    with LiveCamera(make_video(site.folder / "video.mp4", seconds=60)) as camera:
        process = _agent(site, service, camera, offset)
        wait_until(lambda: service.of("bench-1") and len(_times(service)[0]) >= 4)
        offset.write_text("86400")
        wait_until(lambda: "not believed" in site.log())
        time.sleep(1)
        offset.write_text("0")
        wait_until(lambda: "is right again" in site.log())
        process.terminate()
        assert process.wait(60) == 0
        (blipped,) = _times(service)
        assert blipped[-1] < time.time_ns() // 1000

        offset.write_text("86400")  # the machine was off, say: nothing tells that this is wrong
        process = _agent(site, service, camera, offset)
        wait_until(lambda: _times(service)[0][-1] > time.time_ns() // 1000)
        process.terminate()
        assert process.wait(60) == 0
        offset.write_text("0")
        process = _agent(site, service, camera, offset)
        wait_until(lambda: len(service.of("bench-1")) == 2 and len(_times(service)[1]) >= 4)
        wait_until(lambda: "a new stream begins" in (site.spool / "status.json").read_text())
        process.terminate()
        assert process.wait(60) == 0
    first, second = service.of("bench-1")
    assert first.ended
    assert second.frames[0][0] == 0
    assert _times(service)[1][-1] < time.time_ns() // 1000
    assert "set back by 86" in site.log()
    assert "a new stream begins" in site.log()
    (finding,) = _remembered(site.spool)
    assert finding.what == "clock, bench-1"
    assert "a new stream begins" in finding.says


@pytest.mark.slow
def test_an_agent_begun_four_hundred_days_ahead_streams_again_once_its_clock_is_right(site, service):
    offset = site.folder / "offset"
    offset.write_text("34560000")
    with LiveCamera(make_video(site.folder / "video.mp4", seconds=120)) as camera:
        process = _agent(site, service, camera, offset)
        wait_until(lambda: "set the site's clock" in site.log())
        assert not service.of("bench-1")
        offset.write_text("0")
        wait_until(lambda: service.of("bench-1") and len(_times(service)[0]) >= 6, 120)
        process.terminate()
        assert process.wait(60) == 3
    (times,) = _times(service)
    assert all(abs(time_us - time.time_ns() // 1000) < 300_000_000 for time_us in times)
    assert "are set aside" in site.log()
