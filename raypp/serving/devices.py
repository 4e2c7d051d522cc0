"""The answer to a device that says how it is doing."""

import hashlib

from protos import raypp_pb2 as pb
from raypp.errors import WireError
from raypp.io.clock import now_us
from raypp.ledger.device_values import CameraCondition, DeviceCamera, DeviceInstance, DeviceReport
from raypp.ledger.devices import Devices
from raypp.ledger.store import Ledger
from raypp.serving.settings import ServiceSettings
from raypp.wire.device import SEEN_BYTES, check_device

_CONDITIONS = {
    pb.DEVICE_CAMERA_STATE_CAPTURING: CameraCondition.CAPTURING,
    pb.DEVICE_CAMERA_STATE_STARTING: CameraCondition.STARTING,
    pb.DEVICE_CAMERA_STATE_SILENT: CameraCondition.SILENT,
    pb.DEVICE_CAMERA_STATE_REFUSED: CameraCondition.REFUSED,
    pb.DEVICE_CAMERA_STATE_FULL: CameraCondition.FULL,
    pb.DEVICE_CAMERA_STATE_FINISHED: CameraCondition.FINISHED,
}


def take_report(
    ledger: Ledger, request: pb.ReportDeviceRequest, settings: ServiceSettings, who: str
) -> pb.ReportDeviceResponse:
    """Keep a device's report; blocks.

    Args:
        ledger: of its site.
        request: the report.
        settings: of the service.
        who: for the audit log.

    Raises:
        WireError: naming the field that is out of range.
        TooManyDevicesError: if the device is new, and its site has as many as it may.
        UnknownSiteError, SiteMovingError: if the site is not in this ledger.
    """
    received_us = now_us()
    check_device(request)
    instance = DeviceInstance(request.instance, request.started_us, request.stopped)
    devices = settings.devices
    Devices(ledger).note(
        request.site, request.device, instance, _report(request), devices.limits, settings.quotas.devices, who
    )
    document = None if request.stopped else Devices(ledger).configuration(request.site, request.device)
    if document is not None and hashlib.sha256(document).digest()[:SEEN_BYTES] == request.configuration_seen:
        document = None
    every_ms = round(devices.report_every_s * 1000)
    return pb.ReportDeviceResponse(
        received_at_us=received_us, sent_at_us=now_us(), next_after_ms=every_ms, configuration=document or b""
    )


def _report(request: pb.ReportDeviceRequest) -> DeviceReport:
    has_clock = request.HasField("clock_offset_us")
    return DeviceReport(
        agent_version=request.agent_version,
        clock_offset_us=request.clock_offset_us if has_clock else None,
        clock_error_us=request.clock_error_us,
        veil_id=request.veil_id,
        spool_bytes=request.spool_bytes,
        disk_free_bytes=request.disk_free_bytes,
        oldest_unsent_us=request.oldest_unsent_us or None,
        cameras=tuple(map(_camera, request.cameras)),
        cameras_left_out=request.cameras_left_out,
        configuration_number=request.configuration_number,
        configuration_refusal=_refusal(request.configuration_refusal),
    )


def _refusal(value: int) -> str | None:
    """Return the reason of a refusal in words; None where there is none, `unknown` for one of a newer agent."""
    if value == pb.DEVICE_CONFIGURATION_REFUSAL_UNSPECIFIED:
        return None
    named = pb.DeviceConfigurationRefusal.DESCRIPTOR.values_by_number.get(value)
    name = "UNKNOWN" if named is None else str(named.name)
    return name.removeprefix("DEVICE_CONFIGURATION_REFUSAL_").lower().replace("_", " ")


def _camera(message: pb.DeviceCamera) -> DeviceCamera:
    condition = _CONDITIONS.get(message.state)
    if condition is None:
        raise WireError(f"camera {message.camera}: state {message.state} is none that this service knows")
    return DeviceCamera(
        camera=message.camera,
        condition=condition,
        fps=message.frames_per_1000s / 1000,
        last_frame_us=message.last_frame_us or None,
        waiting_frames=message.waiting_frames,
        dropped_frames=message.dropped_frames,
        restarts=message.restarts,
    )
