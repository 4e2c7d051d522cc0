"""A real agent reports to a real gRPC service; no fault of that ends it, and it says when it ends."""

import time
from collections.abc import Iterator

import grpc
import pytest

from raypp.edge import heartbeat
from raypp.edge.cameras_file import CameraSettings
from raypp.ledger.device_values import CameraCondition, DeviceState
from raypp.ledger.devices import Devices
from raypp.ledger.store import Ledger
from raypp.serving.devices import take_report
from raypp.serving.settings import ServiceSettings
from tests.edge.conftest import SITE, Site
from tests.edge.live_camera import LiveCamera
from tests.edge.service import Service, wait_until
from tests.videos import make_video


class Reported(Service):
    """Takes reports as a gateway does, and remembers their bytes."""

    ledger: Ledger
    settings = ServiceSettings.model_validate({"models": ["m"], "devices": {"report_every_s": 1, "late_after_s": 3}})
    failing = 0

    def __init__(self, veil_id: str, size: int) -> None:
        super().__init__(veil_id, size=size)
        self.reports: list[bytes] = []

    async def ReportDevice(self, request, context):  # noqa: N802
        await self._check(context)
        self.reports.append(request.SerializeToString())
        if self.failing:
            self.failing -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "a fault of the tests")
        return take_report(self.ledger, request, self.settings, "tests")


@pytest.fixture
def reported(site: Site) -> Iterator[Reported]:
    with Ledger.open(f"sqlite:///{site.folder}/ledger.db") as ledger, Reported(site.veil_id, size=160) as service:
        ledger.add_site(SITE)
        service.ledger = ledger
        yield service


def test_an_agent_reports_survives_faults_of_its_reports_and_says_that_it_ends(
    site: Site, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "_EVERY_S", 0.2)
    monkeypatch.setattr(heartbeat, "_FAREWELL_S", 30.0)
    reported.failing = 2
    with LiveCamera(make_video(site.folder / "video.mp4", seconds=4), times=60) as live:
        camera = CameraSettings(source=(live.url,), fps=5, watch=False)
        agent = site.agent_here(reported.address, {"bench-1": camera}, device="gate-box")
        _wait_until_it_captures(site, reported)
        agent.stop()
    assert Devices(reported.ledger).of()[0].state(0) is DeviceState.STOPPED
    assert site.log().count("could not be told how this device is doing: UNAVAILABLE: a fault of the tests") == 1
    key = site.key_path.read_bytes()
    for report in reported.reports:
        assert len(report) < 1000
        for secret in (str(site.folder).encode(), live.url.encode(), site.token_path.read_bytes().strip()):
            assert secret not in report
        assert not [word for word in key.split(b'"') if len(word) >= 20 and word in report]


def _wait_until_it_captures(site: Site, reported: Reported) -> None:
    def capturing() -> bool:
        conditions = [shown.condition for device in Devices(reported.ledger).of() for shown in device.report.cameras]
        return conditions == [CameraCondition.CAPTURING]

    wait_until(lambda: capturing() and len(reported.reports) >= 5)
    (device,) = Devices(reported.ledger).of()
    assert (device.device, device.state(time.time_ns() // 1000)) == ("gate-box", DeviceState.REPORTING)
    assert device.report.veil_id == site.veil_id
    assert abs(device.report.clock_offset_us) <= device.report.clock_error_us + 5_000
    (shown,) = device.report.cameras
    assert (shown.camera, shown.fps > 0) == ("bench-1", True)


def test_an_older_service_is_left_in_peace(site: Site, service: Service) -> None:
    video = make_video(site.folder / "video.mp4", seconds=1)
    camera = CameraSettings(source=(str(video),), fps="every", watch=False)
    assert site.agent_here(service.address, {"bench-1": camera}).wait().cameras["bench-1"].committed_frames == 10
    assert "how this device is doing" not in site.log()
