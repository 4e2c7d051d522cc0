"""A report of a device that is malformed is refused by its field, before anything is kept."""

import pytest

from protos import raypp_pb2 as pb
from raypp.errors import WireError
from raypp.wire.device import MOST_DEVICE_CAMERAS, check_device

_GOOD = {
    "site": "plant-1",
    "device": "gate-box",
    "agent_version": "0.1.0.dev3+g12",
    "instance": (1 << 63) - 1,
    "started_us": 1_700_000_000_000_000,
    "sent_at_us": 1_700_000_000_000_000,
    "clock_offset_us": -1,
    "veil_id": "ab" * 16,
    "cameras": [pb.DeviceCamera(camera="bench.hands")],
}


def test_a_good_one_passes() -> None:
    check_device(pb.ReportDeviceRequest(**_GOOD))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"site": ""}, "site"),
        ({"device": "../x"}, "device"),
        ({"device": "d" * 101}, "device"),
        ({"agent_version": "/etc/raypp"}, "agent_version '/etc/raypp' is no version"),
        ({"agent_version": ""}, "agent_version"),
        ({"agent_version": "1" * 65}, "agent_version"),
        ({"veil_id": "AB" * 16}, "a veil_id is 32 hex digits"),
        ({"instance": 1 << 63}, "instance 9223372036854775808 must be 0 to"),
        ({"started_us": -1}, "time -1 must be 0 to"),
        ({"oldest_unsent_us": 1 << 62}, "time 4611686018427387904 must be"),
        ({"clock_offset_us": -(1 << 63)}, "clock 9223372036854775808 must be"),
        ({"clock_error_us": 1 << 63}, "clock"),
        ({"spool_bytes": 1 << 63}, "bytes"),
        ({"cameras": [pb.DeviceCamera(camera="a b")]}, "camera"),
        ({"cameras": [pb.DeviceCamera(camera="a", last_frame_us=-5)]}, "last frame of a -5"),
        ({"cameras": [pb.DeviceCamera(camera="a")] * (MOST_DEVICE_CAMERAS + 1)}, "65 cameras, at most 64"),
    ],
)
def test_a_field_that_is_out_of_range_is_named(changed: dict[str, object], words: str) -> None:
    with pytest.raises(WireError) as caught:
        check_device(pb.ReportDeviceRequest(**(_GOOD | changed)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
