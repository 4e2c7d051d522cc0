"""A service that hands configurations over as a gateway does, and the owner who signs them."""

import hashlib
import json
from typing import Any

from protos import raypp_pb2 as pb
from raypp.edge.configuration.document import DeviceConfiguration
from raypp.io.clock import now_us
from raypp.veil.key import VeilKey
from raypp.wire.device import check_device
from tests.edge.conftest import SITE
from tests.edge.service import Service

OWNER = VeilKey(bytes(range(32)))
"""Whose site key the tests' sites have."""
HOUR_US = 3_600_000_000
MASK = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]


def wanted(number: int = 1, **changed: Any) -> DeviceConfiguration:
    """A configuration of the tests' device, valid from an hour ago for two hours."""
    now = now_us()
    values: dict[str, Any] = {
        "site": SITE, "device": "agent", "number": number, "issued_us": now - HOUR_US, "expires_us": now + HOUR_US,
        "cameras": {"bench-1": {"masks": [MASK]}},
    }  # fmt: skip
    return DeviceConfiguration.model_validate(values | changed)


def signed_content(content: bytes, key: VeilKey = OWNER) -> bytes:
    """Sign any content, as an owner who is tricked would."""
    head = b"raypp device configuration v1"
    signature = key.sign(head + b"\0" + content).hex().encode()
    return b"\n".join((head, content, key.public_key.hex().encode(), signature, b""))


def content_of(configuration: DeviceConfiguration, **changed: Any) -> bytes:
    """Canonical bytes of a configuration with fields of any kind."""
    fields = json.loads(configuration.canonical()) | changed
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


class Carrier(Service):
    """Takes reports, and hands over whatever it is given."""

    def __init__(self, veil_id: str, size: int) -> None:
        super().__init__(veil_id, size=size)
        self.document = b""
        self.report = pb.ReportDeviceRequest()

    async def ReportDevice(self, request, context):  # noqa: N802
        await self._check(context)
        check_device(request)
        self.report = request
        seen = hashlib.sha256(self.document).digest()[:8] == request.configuration_seen
        now = self._clock_us()
        document = b"" if seen else self.document
        return pb.ReportDeviceResponse(received_at_us=now, sent_at_us=now, next_after_ms=200, configuration=document)

    @property
    def refusal(self) -> str:
        """Why the agent refuses what it was handed, by its latest report."""
        name = pb.DeviceConfigurationRefusal.Name(self.report.configuration_refusal)
        return name.removeprefix("DEVICE_CONFIGURATION_REFUSAL_")

    def has_seen(self) -> bool:
        """Whether the agent has reported on what it was handed."""
        return hashlib.sha256(self.document).digest()[:8] == self.report.configuration_seen
