"""What an agent says of itself: rates and silence of the time between two reports, the worst cameras first."""

from protos import raypp_pb2 as pb
from raypp.edge.device_report import DeviceFacts, DeviceReporter
from raypp.edge.status import CameraStatus, SiteStatus
from raypp.wire.clock_offset import ClockOffset
from raypp.wire.device import MOST_DEVICE_CAMERAS, check_device

_FACTS = DeviceFacts("plant-1", "gate-box", "0.1.0", 9, 1_700_000_000_000_000, "ab" * 16)
_STATE = pb.DeviceCameraState.Name


def _report(
    reporter: DeviceReporter, at_s: float, cameras: dict[str, CameraStatus], rate: float | None = 2.0
) -> pb.ReportDeviceRequest:
    status = SiteStatus(site="plant-1", at_us=0, cameras=cameras)
    request = reporter.report(status, dict.fromkeys(cameras, rate), 5_000_000_000, None, at_s)
    check_device(request)
    return request


def _states(request: pb.ReportDeviceRequest) -> dict[str, str]:
    return {camera.camera: _STATE(camera.state).removeprefix("DEVICE_CAMERA_STATE_") for camera in request.cameras}


def test_a_camera_starts_captures_and_falls_silent() -> None:
    reporter = DeviceReporter(_FACTS)
    captured = [(0, 0), (30, 60), (60, 120), (90, 120), (121, 120), (130, 121)]
    seen = [
        (_states(request)["gate"], request.cameras[0].frames_per_1000s)
        for at_s, count in captured
        for request in [_report(reporter, at_s, {"gate": CameraStatus(captured=count)})]
    ]
    assert seen == [
        ("STARTING", 0),
        ("CAPTURING", 2000),
        ("CAPTURING", 2000),
        ("CAPTURING", 0),
        ("SILENT", 0),
        ("CAPTURING", 111),
    ]


def test_a_camera_of_a_slow_rate_is_not_silent_between_its_frames() -> None:
    reporter = DeviceReporter(_FACTS)
    for at_s in (0, 200, 299):
        assert _states(_report(reporter, at_s, {"gate": CameraStatus()}, rate=0.01)) == {"gate": "STARTING"}
    assert _states(_report(reporter, 301, {"gate": CameraStatus()}, rate=0.01)) == {"gate": "SILENT"}


def test_what_a_person_should_see_comes_before_all_else() -> None:
    cameras = {
        "a": CameraStatus(captured=5, refused="token of /etc/raypp/token is unknown", finished=True),
        "b": CameraStatus(captured=5, spool_full=True),
        "c": CameraStatus(captured=5, finished=True),
    }
    request = _report(DeviceReporter(_FACTS), 0, cameras)
    assert _states(request) == {"a": "REFUSED", "b": "FULL", "c": "FINISHED"}
    assert b"/etc" not in request.SerializeToString(), "a reason may hold a path of the site"


def test_more_cameras_than_a_report_names_are_counted_and_the_worst_are_named() -> None:
    cameras = {f"c{number:03}": CameraStatus(captured=1) for number in range(100)}
    cameras["z"] = CameraStatus(refused="an old copy")
    request = _report(DeviceReporter(_FACTS), 0, cameras)
    assert (len(request.cameras), request.cameras_left_out) == (MOST_DEVICE_CAMERAS, 101 - MOST_DEVICE_CAMERAS)
    assert _states(request)["z"] == "REFUSED"


def test_spools_are_summed_and_the_oldest_frame_counts() -> None:
    cameras = {
        "a": CameraStatus(spool_bytes=10, oldest_waiting_us=300, last_us=900, waiting_frames=1 << 40),
        "b": CameraStatus(spool_bytes=20, oldest_waiting_us=200),
        "c": CameraStatus(spool_bytes=30),
    }
    status = SiteStatus(site="plant-1", at_us=0, cameras=cameras)
    request = DeviceReporter(_FACTS).report(status, {}, 7, ClockOffset(-10, 30), 0)
    assert (request.spool_bytes, request.oldest_unsent_us, request.disk_free_bytes) == (60, 200, 7)
    assert (request.clock_offset_us, request.clock_error_us) == (10, 20)
    assert (request.cameras[0].last_frame_us, request.cameras[0].waiting_frames) == (900, (1 << 32) - 1)
    assert not _report(DeviceReporter(_FACTS), 0, {}).HasField("clock_offset_us")
