"""The agent end to end: real videos, real capture processes, a real gRPC service that fails on purpose."""

import base64
import json
import os
import random
import re
import signal
import time
from pathlib import Path

import av
import grpc
import pytest

from raypp.edge.cameras_file import CameraSettings, SiteCameras
from raypp.edge.spool.camera_spool import LEAST_BYTES, CameraSpool
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.uplink.retry import RetryPolicy
from tests.edge.conftest import Site
from tests.edge.service import TOKEN, Service, wait_until
from tests.videos import make_video


def _video(site: Site, name: str = "video", **options) -> Path:
    return make_video(site.folder / f"{name}.mp4", **options)


def _camera(*sources: Path, **options) -> dict[str, CameraSettings]:
    return {"bench-1": CameraSettings(source=tuple(map(str, sources)), **({"fps": "every"} | options))}


def _run(site: Site, service: Service, video: Path, *, chunk_frames: int = 8, **options) -> None:
    site.agent_here(service.address, _camera(video, **options), chunk_frames=chunk_frames).wait()


def test_the_command_streams_a_video_whole_and_once(site, service):
    options = ["--fps", "every", "--time-from", "2026-03-01T06:00", "--timezone", "Europe/Berlin"]
    process = site.agent(service.address, _video(site), "--camera", "bench-1", *options)
    assert process.wait(90) == 0, site.log()
    (stream,) = service.of("bench-1")
    assert stream.ended
    assert [index for index, _, _ in stream.frames] == list(range(40))
    begin_us = 1772341200000000  # 2026-03-01T05:00Z
    assert [time_us for _, time_us, _ in stream.frames] == [begin_us + 100_000 * index for index in range(40)]
    assert len(stream.codes) == 40
    assert service.most_outstanding <= service.limits.window
    assert not stream.opened.live
    assert "bench-1: 40 frames captured, 40 committed, 40 detections" in site.log()


def test_run_again_it_has_nothing_to_do(site, service):
    video = _video(site)
    _run(site, service, video)
    connections = service.connections
    _run(site, service, video)
    assert service.connections == connections
    assert len(service.of("bench-1")) == 1


def test_other_recordings_begin_a_new_stream(site, service):
    _run(site, service, _video(site, "one"))
    _run(site, service, _video(site, "two", seed=3))
    first, second = service.of("bench-1")
    assert first.ended
    assert second.ended
    assert second.opened.stream_epoch > first.opened.stream_epoch
    assert len(second.frames) == 40


def test_a_folder_is_one_stream_in_order_of_time(site, service):
    folder = site.folder / "videos"
    make_video(folder / "b_20260301_060000.mp4", seconds=1)
    make_video(folder / "a_20260301_060010.mp4", seconds=1, seed=1)
    _run(site, service, folder, time_from="name:%Y%m%d_%H%M%S")
    (stream,) = service.of("bench-1")
    indices = [index for index, _, _ in stream.frames]
    times = [time_us for _, time_us, _ in stream.frames]
    assert indices == list(range(20))
    assert times == sorted(times)
    assert times[10] - times[0] == 10_000_000


def test_another_size_of_frame_begins_a_new_epoch(site, service):
    folder = site.folder / "videos"
    make_video(folder / "a.mp4", seconds=1)
    make_video(folder / "b.mp4", seconds=1, width=128, height=128)
    _run(site, service, folder)
    first, second = service.of("bench-1")
    assert (first.opened.width, second.opened.width) == (160, 128)
    assert first.ended
    assert second.ended
    assert [index for index, _, _ in first.frames + second.frames] == list(range(20))


def _undisturbed(site: Site, video: Path) -> list[tuple[int, int, int]]:
    calm = Site(site.folder / "calm")
    with Service(site.veil_id, size=160) as service:
        _run(calm, service, video)
        (stream,) = service.of("bench-1")
        _undisturbed.codes = stream.codes
        return stream.frames


def test_resets_moving_and_lost_answers_change_nothing(site, service):
    video = _video(site, seconds=20)
    expected = _undisturbed(site, video)
    service.faults.reset_before = service.faults.reset_after = service.faults.moving = 0.15
    _run(site, service, video, chunk_frames=3)
    (stream,) = service.of("bench-1")
    assert service.connections > 5
    assert stream.frames == expected
    for index, code in _undisturbed.codes.items():
        assert (stream.codes[index] == code).all()


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_anywhere_the_agent_goes_on_at_the_exact_next_frame(site, service, seed):
    video = _video(site, seconds=6)
    expected = _undisturbed(site, video)
    service.faults.reset_after = 0.1
    chance = random.Random(seed)
    options = ["--camera", "bench-1", "--fps", "every", "--chunk-frames", 3, "--realtime"]
    for _ in range(3):
        before = sum(len(stream.frames) for stream in service.of("bench-1"))
        process = site.agent(service.address, video, *options)
        wait_until(lambda n=before: sum(len(stream.frames) for stream in service.of("bench-1")) > n)
        time.sleep(chance.uniform(0, 0.7))
        assert process.poll() is None
        process.kill()
        process.wait()
    assert site.agent(service.address, video, *options).wait(90) == 0
    (stream,) = service.of("bench-1")
    assert stream.frames == expected
    for index, code in _undisturbed.codes.items():
        assert (stream.codes[index] == code).all()


def test_a_killed_capture_process_loses_nothing(site, service):
    video = _video(site, seconds=6)
    expected = _undisturbed(site, video)
    agent = site.agent_here(service.address, _camera(video, realtime=True), chunk_frames=3)
    for frames in (10, 25):
        wait_until(lambda n=frames: any(len(stream.frames) >= n for stream in service.of("bench-1")))
        wait_until(lambda: agent.camera().capture_pid)
        os.kill(agent.camera().capture_pid, signal.SIGKILL)
    agent.wait()
    (stream,) = service.of("bench-1")
    assert stream.frames == expected
    assert "the capture process ended" in site.log()


def test_while_the_link_is_down_frames_are_spooled(site, service):
    video = _video(site, seconds=10)
    service.down()
    agent = site.agent_here(service.address, _camera(video))
    wait_until(lambda: agent.camera().captured == 100)
    assert not service.streams
    service.up()
    agent.wait()
    assert len(service.of("bench-1")[0].frames) == 100


def test_an_old_epoch_is_sent_before_the_new_one(site, service):
    service.down()
    agent = site.agent_here(service.address, _camera(_video(site, "one")))
    wait_until(lambda: agent.camera().captured == 40)
    agent.stop()
    service.up()
    _run(site, service, _video(site, "two"))
    first, second = service.of("bench-1")
    assert len(first.frames) == len(second.frames) == 40
    assert first.ended


@pytest.mark.parametrize(
    ("code", "details", "says"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "revoked", "the token is not accepted"),
        (grpc.StatusCode.PERMISSION_DENIED, "site plant-2 only", "the token does not allow this"),
        (grpc.StatusCode.FAILED_PRECONDITION, "another veil", "the stream does not fit the service"),
    ],
)
def test_a_refusal_is_said_once_and_spooling_goes_on(site, service, code, details, says):
    service.faults.refuse = (code, details)
    agent = site.agent_here(service.address, _camera(_video(site)))
    wait_until(lambda: agent.camera().refused)
    tries = service.connections
    time.sleep(RetryPolicy().refused_first_s / 4)
    assert service.connections == tries  # it waits for at least half of that
    wait_until(lambda: agent.camera().captured == 40)
    assert site.log().count(says) == 1
    assert details in site.log()
    agent.stop()
    assert says in agent.wait().cameras["bench-1"].refused


def test_a_service_that_is_being_replaced_is_no_refusal(site, service):
    message = (
        "Application 'raypp' not found. Ping /ray.serve.RayServeAPIService/ListApplications for available applications."
    )
    service.faults.refuse = (grpc.StatusCode.NOT_FOUND, message)
    agent = site.agent_here(service.address, _camera(_video(site)))
    wait_until(lambda: "the service is not served yet" in site.log())
    service.faults.refuse = None
    assert agent.wait().cameras["bench-1"].refused is None
    assert len(service.of("bench-1")[0].codes) == 40


def test_the_sources_key_must_be_the_models(site):
    with Service("f" * 32, size=160) as other:
        site.agent_here(other.address, _camera(_video(site)))
        wait_until(lambda: site.log_path.exists() and "the stream does not fit the service" in site.log())
        assert site.veil_id in site.log()


def _interrupted(site: Site, service: Service, video: Path) -> None:
    agent = site.agent_here(service.address, _camera(video, realtime=True), chunk_frames=2)
    wait_until(lambda: any(stream.committed >= 5 for stream in service.of("bench-1")))
    agent.stop()


def test_an_old_copy_of_the_spool_is_named(site, service):
    video = _video(site, seconds=10)
    _interrupted(site, service, video)
    (stream,) = service.of("bench-1")
    stream.committed += 1000
    site.agent_here(service.address, _camera(video, realtime=True), chunk_frames=2)
    wait_until(lambda: "it is an old copy" in site.log())
    assert f"committed chunk {stream.committed}" in site.log()


def test_an_old_copy_of_the_ledger_is_named(site, service):
    video = _video(site, seconds=10)
    _interrupted(site, service, video)
    with CameraSpool(site.spool / "bench-1", LEAST_BYTES, DropPolicy.BLOCK) as spool:
        spool.current._roll(spool.current.last_sequence + 1)
        spool.commit(spool.current, spool.current.last_sequence)
        first = spool.current.first_sequence
    service.streams.clear()
    site.agent_here(service.address, _camera(video, realtime=True), chunk_frames=2)
    wait_until(lambda: "the ledger is an old copy" in site.log())
    assert "only chunk 0" in site.log()
    assert f"begins with {first}" in site.log()


def test_what_a_full_spool_drops_is_told_to_the_service(site, service):
    video = _video(site, seconds=150, width=320, height=320)
    service.faults.hold = True
    settings = {"chunk_frames": 2, "limit_bytes": LEAST_BYTES, "policy": DropPolicy.DROP_OLDEST}
    agent = site.agent_here(service.address, _camera(video, watch=False), **settings)
    wait_until(lambda: agent.camera().captured == 1500)
    service.faults.hold = False
    dropped = agent.wait().cameras["bench-1"].dropped_frames
    (stream,) = service.of("bench-1")
    dropped_indices = [index for index, _, observation in stream.frames if observation == 5]
    assert dropped > 50
    assert dropped_indices
    assert stream.committed == len(stream.chunks)
    indices = [index for index, _, _ in stream.frames]
    assert indices == sorted(set(indices))
    # Chunks that were under way while they were dropped arrive whole all the same.
    assert 1500 - dropped <= len(stream.codes) <= 1500 - dropped + 2 * service.limits.window


def test_a_clock_that_is_off_is_told(site, service):
    service.clock_ahead_us = 7_000_000
    _run(site, service, _video(site))
    behind = re.search(r"the site's clock is (\d+\.\d) s behind the service's \(\+/- (\d+\.\d) s\)", site.log())
    assert behind, site.log()
    behind_s, error_s = float(behind[1]), float(behind[2])
    assert error_s < 7
    assert abs(behind_s - 7) <= error_s + 0.1


def test_two_agents_do_not_share_a_spool(site, service):
    first = site.agent_here(service.address, _camera(_video(site, seconds=20), realtime=True))
    wait_until((site.spool / "status.json").exists)
    second = site.agent(service.address, site.folder / "video.mp4", "--camera", "bench-1")
    assert second.wait(60) == 1
    assert "is held by another agent" in site.log()
    first.stop()


def test_cameras_come_and_go_with_the_file(site, service):
    for number in (1, 2):
        _video(site, f"video{number}", seconds=30, seed=number)
    config = site.folder / "cameras.yaml"
    entry = "  bench-{0}:\n    source: {1}/video{0}.mp4\n    fps: every\n    realtime: true\n"
    config.write_text("cameras:\n" + entry.format(1, site.folder))
    agent = site.agent_here(service.address, SiteCameras.load(config).cameras, config, chunk_frames=2)
    wait_until(lambda: service.of("bench-1") and service.of("bench-1")[0].committed > 2)
    config.write_text("cameras:\n" + entry.format(1, site.folder) + entry.format(2, site.folder))
    wait_until(lambda: service.of("bench-2") and service.of("bench-2")[0].committed > 2)
    config.write_text("cameras:\n  nonsense: 5\n")
    wait_until(lambda: "the cameras stay as they are" in site.log())
    config.write_text("cameras:\n" + entry.format(2, site.folder))
    wait_until(lambda: service.of("bench-1")[0].ended)
    committed = service.of("bench-2")[0].committed
    wait_until(lambda: service.of("bench-2")[0].committed > committed)
    assert not service.of("bench-2")[0].ended
    agent.stop()
    frames = [index for index, _, _ in service.of("bench-1")[0].frames]
    assert frames == list(range(len(frames)))


def test_nothing_secret_is_in_spool_log_or_status(site, service):
    """Seeds of the site's key, the token, and rows of plain pixels are searched for in all that the agent leaves."""
    service.faults.hold = True
    video = _video(site)
    agent = site.agent_here(service.address, _camera(video, watch=False))
    wait_until(lambda: agent.camera().captured == 40)
    agent.stop()
    left = b"".join(path.read_bytes() for path in site.spool.rglob("*") if path.is_file()) + site.log().encode()
    key = json.loads(site.key_path.read_text())["body"]
    secrets = [key["hashes"]["identity"]] + [
        camera[seed] for camera in key["cameras"].values() for seed in ("weights_seed", "dither_seed")
    ]
    for secret in secrets:
        assert secret.encode() not in left
        assert base64.b64decode(secret) not in left
    assert TOKEN.encode() not in left
    with av.open(str(video)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert all(image[row, 40:56].tobytes() not in left for row in range(0, 96, 4))
    assert left.count(b"plant-1") >= 1
