"""Live cameras: the site's clock, hanging and ending sources, and the memory that four of them take."""

import time
from itertools import pairwise

import psutil
import pytest

from raypp.edge.capture.live import RisingClock, open_live
from raypp.errors import SourceReadError
from tests.edge.conftest import CAMERAS
from tests.edge.live_camera import LiveCamera
from tests.edge.service import wait_until
from tests.videos import make_video


@pytest.fixture
def video(tmp_path):
    return make_video(tmp_path / "video.mp4", seconds=60)


def test_a_live_camera_is_sampled_by_the_sites_clock(site, service, video):
    with LiveCamera(video) as camera:
        began_us = time.time_ns() // 1000
        process = site.agent(service.address, camera.url, "--camera", "bench-1", "--fps", "5", "--chunk-frames", 2)
        wait_until(lambda: service.of("bench-1") and len(service.of("bench-1")[0].frames) >= 20)
        process.terminate()
        assert process.wait(60) == 0
    (stream,) = service.of("bench-1")
    assert stream.opened.live
    assert not stream.ended
    indices = [index for index, _, _ in stream.frames]
    times = [time_us for _, time_us, _ in stream.frames]
    assert indices == list(range(len(indices)))
    assert began_us < times[0] < times[-1] < time.time_ns() // 1000
    gaps = sorted(after - before for before, after in pairwise(times))
    assert 150_000 < gaps[len(gaps) // 2] < 320_000


def test_a_camera_that_hangs_is_killed_and_opened_again(site, service, video):
    with LiveCamera(video) as camera:
        options = ["--camera", "bench-1", "--fps", "5", "--chunk-frames", 2, "--hang-seconds", 3]
        process = site.agent(service.address, camera.url, *options)
        wait_until(lambda: service.of("bench-1") and len(service.of("bench-1")[0].frames) >= 6)
        camera.hang = True
        wait_until(lambda: "has hung" in site.log())
        camera.hang = False
        frames = len(service.of("bench-1")[0].frames)
        wait_until(lambda: len(service.of("bench-1")[0].frames) > frames + 5)
        process.terminate()
        assert process.wait(60) == 0
    (stream,) = service.of("bench-1")
    assert [index for index, _, _ in stream.frames] == list(range(len(stream.frames)))
    assert max(after[1] - before[1] for before, after in pairwise(stream.frames)) > 3_000_000
    assert "secret" not in site.log()


@pytest.mark.slow
def test_what_a_hanging_capture_holds_is_spooled_before_it_is_killed(site, service, video):
    with LiveCamera(video) as camera:
        options = ["--camera", "bench-1", "--fps", "5", "--chunk-frames", 16, "--chunk-seconds", 60]
        process = site.agent(service.address, camera.url, *options, "--hang-seconds", 3)
        wait_until(lambda: service.of("bench-1") and service.of("bench-1")[0].chunks)
        time.sleep(1)
        camera.hang = True
        wait_until(lambda: "has hung" in site.log())
        wait_until(lambda: service.of("bench-1")[0].chunks[-1] < 16)
        camera.hang = False
        process.terminate()
        assert process.wait(60) == 0


def test_a_source_that_gives_nothing_is_told_so(video):
    with LiveCamera(video) as camera:
        camera.hang = True
        with pytest.raises(SourceReadError, match="no image for 1 s"), open_live(camera.url, 1.0):
            pass


def test_a_camera_that_refuses_is_tried_again(site, service, video):
    with LiveCamera(video) as camera:
        camera.refuse = True
        process = site.agent(service.address, camera.url, "--camera", "bench-1", "--fps", "5", "--chunk-frames", 2)
        wait_until(lambda: site.log_path.exists() and "cannot be opened" in site.log())
        camera.refuse = False
        wait_until(lambda: service.of("bench-1") and len(service.of("bench-1")[0].frames) >= 4)
        process.terminate()
        assert process.wait(60) == 0
    assert "secret" not in site.log()
    assert "secret" not in "".join(path.read_text("latin1") for path in site.spool.rglob("*") if path.is_file())


def test_four_cameras_take_less_than_300_mb(site, service, tmp_path):
    video = make_video(tmp_path / "wide.mp4", seconds=3, width=1920, height=1080)
    with LiveCamera(video, times=20) as camera:
        config = tmp_path / "cameras.yaml"
        config.write_text("cameras:\n" + "".join(f"  {name}: {{source: '{camera.url}'}}\n" for name in CAMERAS))
        process = site.agent(service.address, "--config", config, "--chunk-frames", 2, size=640)
        service.model.size = 640
        wait_until(lambda: all(service.of(name) and len(service.of(name)[0].frames) > 4 for name in CAMERAS), 120)
        agent = psutil.Process(process.pid)
        everyone = [agent, *agent.children(recursive=True)]
        taken_mb = sum(member.memory_full_info().pss for member in everyone) / 1e6
        by_process = [round(member.memory_full_info().pss / 1e6) for member in everyone]
        print(f"\nfour cameras of 1920x1080: {taken_mb:.0f} MB PSS in {len(everyone)} processes, {by_process}")
        process.terminate()
        assert process.wait(60) == 0
    assert len(everyone) == 6
    assert taken_mb < 300


def test_the_clock_rises_while_the_sites_own_is_set_back_a_little(monkeypatch):
    walls = iter([1_000_000, 1_500_000, 200_000, 300_000, 2_600_000])
    clocks = iter([0.0, 0.5, 1.0, 1.5, 2.0])
    monkeypatch.setattr("raypp.edge.capture.live.time_ns", lambda: next(walls) * 1000)
    monkeypatch.setattr("raypp.edge.capture.live.monotonic", lambda: next(clocks))
    clock = RisingClock(-1)
    seen = []
    off = []
    for _ in range(5):
        seen.append(clock.now_us())
        off.append(clock.off_us)
    assert seen == [1_000_000, 1_500_000, 1_750_000, 2_000_000, 2_600_000]
    assert off == [0, 0, -1_800_000, -1_950_000, 100_000]
