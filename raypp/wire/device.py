"""Checks of a device's report: names, numbers, and no text besides."""

import re
from collections.abc import Iterable

from protos import raypp_pb2 as pb
from raypp.errors import WireError, WireLimitError
from raypp.wire.frames import LARGEST_INDEX, LATEST_US
from raypp.wire.messages import check_wire_name

MOST_DEVICE_CAMERAS = 64
"""Cameras that a report names; further ones are counted."""
SEEN_BYTES = 8
"""By so many bytes of its SHA-256 a report says which configuration the device has seen."""
MOST_CONFIGURATION_BYTES = 64 << 10
_VERSION = re.compile(r"[0-9A-Za-z.+_-]{1,64}")
_VEIL = re.compile(r"[0-9a-f]{32}")


def check_device(message: pb.ReportDeviceRequest) -> None:
    """Check a report. Its only texts are names, a version and a veil_id, so that it has no room for anything else.

    Raises:
        WireError: naming the field.
        WireLimitError: if it has more cameras than a report may name.
    """
    check_wire_name(message.site, "site")
    check_wire_name(message.device, "device")
    if not _VERSION.fullmatch(message.agent_version):
        raise WireError(f"agent_version {message.agent_version[:64]!r} is no version, such as 0.1.0")
    if not _VEIL.fullmatch(message.veil_id):
        raise WireError(f"veil {message.veil_id[:40]!r}: a veil_id is 32 hex digits")
    if len(message.cameras) > MOST_DEVICE_CAMERAS:
        raise WireLimitError(f"a report names {len(message.cameras)} cameras, at most {MOST_DEVICE_CAMERAS}")
    _check_numbers("instance", LARGEST_INDEX, [message.instance])
    _check_numbers("time", LATEST_US, [message.started_us, message.sent_at_us, message.oldest_unsent_us])
    _check_numbers("clock", LATEST_US, [abs(message.clock_offset_us), message.clock_error_us])
    _check_numbers("bytes", LARGEST_INDEX, [message.spool_bytes, message.disk_free_bytes])
    _check_numbers("configuration_number", LARGEST_INDEX, [message.configuration_number])
    if len(message.configuration_seen) not in {0, SEEN_BYTES}:
        raise WireError(
            f"configuration_seen has {len(message.configuration_seen)} bytes, must have {SEEN_BYTES} or none"
        )
    for camera in message.cameras:
        check_wire_name(camera.camera, "camera")
        _check_numbers(f"last frame of {camera.camera}", LATEST_US, [camera.last_frame_us])


def _check_numbers(what: str, most: int, numbers: Iterable[int]) -> None:
    for number in numbers:
        if not 0 <= number <= most:
            raise WireError(f"device report: {what} {number} must be 0 to {most}")
