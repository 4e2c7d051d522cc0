"""What an agent says of itself to the service: states and numbers, no image, secret, path or address."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from protos import raypp_pb2 as pb
from raypp.edge.status import CameraStatus, SiteStatus
from raypp.wire.clock_offset import ClockOffset
from raypp.wire.device import MOST_DEVICE_CAMERAS

SILENT_AFTER_S = 60.0
"""A camera without a frame for so long is silent, or for three frames' time where that is longer."""
_FRAMES_MISSED = 3
_MOST_RATE = 1_000_000_000
_MOST_COUNT = (1 << 32) - 1
_WORST_FIRST = (
    *(pb.DEVICE_CAMERA_STATE_REFUSED, pb.DEVICE_CAMERA_STATE_FULL, pb.DEVICE_CAMERA_STATE_SILENT),
    *(pb.DEVICE_CAMERA_STATE_STARTING, pb.DEVICE_CAMERA_STATE_CAPTURING, pb.DEVICE_CAMERA_STATE_FINISHED),
)


@dataclass(frozen=True)
class DeviceFacts:
    """Facts of an agent that stay as long as it runs.

    Attributes:
        site, device: its name.
        version: of the agent.
        instance: drawn when it started.
        started_us: when, microseconds since 1970.
        veil_id: of its frames.
    """

    site: str
    device: str
    version: str
    instance: int
    started_us: int
    veil_id: str


@dataclass
class _Progress:
    """Frames that a camera has captured, and when that was first seen, in seconds of a monotonic clock."""

    captured: int
    since_s: float
    looked_s: float


@dataclass
class DeviceReporter:
    """Makes reports, one after the other: rates and silence are of the time between them.

    Attributes:
        facts: of the agent.
    """

    facts: DeviceFacts
    _progress: dict[str, _Progress] = field(default_factory=dict)

    def report(
        self,
        status: SiteStatus,
        rates: Mapping[str, float | None],
        disk_free_bytes: int,
        clock: ClockOffset | None,
        at_s: float,
    ) -> pb.ReportDeviceRequest:
        """Return the report of a moment.

        Args:
            status: how the cameras stand.
            rates: frames a second that each is to give; None or missing: every frame.
            disk_free_bytes: of the spool's disk.
            clock: the service's clock and the site's; None before the first exchange.
            at_s: the moment, seconds of a monotonic clock.
        """
        cameras = [self._camera(name, camera, rates.get(name), at_s) for name, camera in sorted(status.cameras.items())]
        self._progress = {name: self._progress[name] for name in status.cameras}
        cameras.sort(key=lambda camera: _WORST_FIRST.index(camera.state))
        named = sorted(cameras[:MOST_DEVICE_CAMERAS], key=lambda camera: camera.camera)
        waiting = [camera.oldest_waiting_us for camera in status.cameras.values() if camera.oldest_waiting_us]
        facts = self.facts
        request = pb.ReportDeviceRequest(
            site=facts.site,
            device=facts.device,
            agent_version=facts.version,
            instance=facts.instance,
            started_us=facts.started_us,
            veil_id=facts.veil_id,
            spool_bytes=sum(camera.spool_bytes for camera in status.cameras.values()),
            disk_free_bytes=disk_free_bytes,
            oldest_unsent_us=min(waiting, default=0),
            cameras=named,
            cameras_left_out=len(cameras) - len(named),
        )
        if clock is not None:
            request.clock_offset_us, request.clock_error_us = clock.offset_us, clock.error_us
        return request

    def _camera(self, name: str, camera: CameraStatus, rate: float | None, at_s: float) -> pb.DeviceCamera:
        before = self._progress.get(name) or _Progress(camera.captured, at_s, at_s)
        frames, passed_s = max(0, camera.captured - before.captured), at_s - before.looked_s
        since_s = at_s if frames else before.since_s
        self._progress[name] = _Progress(camera.captured, since_s, at_s)
        patience_s = max(SILENT_AFTER_S, _FRAMES_MISSED / rate if rate else 0.0)
        return pb.DeviceCamera(
            camera=name,
            state=_state(camera, at_s - since_s > patience_s),
            frames_per_1000s=min(_MOST_RATE, round(1000 * frames / passed_s)) if passed_s > 0 else 0,
            last_frame_us=camera.last_us or 0,
            waiting_frames=min(_MOST_COUNT, camera.waiting_frames),
            dropped_frames=min(_MOST_COUNT, camera.dropped_frames + camera.aside_frames),
            restarts=min(_MOST_COUNT, camera.capture_restarts),
        )


def _state(camera: CameraStatus, silent: bool) -> pb.DeviceCameraState:
    if camera.refused:
        return pb.DEVICE_CAMERA_STATE_REFUSED
    if camera.finished:
        return pb.DEVICE_CAMERA_STATE_FINISHED
    if camera.spool_full:
        return pb.DEVICE_CAMERA_STATE_FULL
    if silent:
        return pb.DEVICE_CAMERA_STATE_SILENT
    return pb.DEVICE_CAMERA_STATE_CAPTURING if camera.captured else pb.DEVICE_CAMERA_STATE_STARTING
