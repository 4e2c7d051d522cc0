"""The connection over which an agent says how it is doing: kept open, since a handshake costs more than a report."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import grpc.aio

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.edge.uplink.connection import ServiceConnection
from raypp.io.clock import now_us
from raypp.io.tracing import SpanKind
from raypp.wire.clock_offset import ClockOffset, ClockSamples
from raypp.wire.spans import begin_call

_TIMEOUT_S = 15.0


@dataclass
class DeviceLink:
    """Sends reports, one at a time.

    Attributes:
        connection: how to reach the service.
        clock: what the exchanges show of the service's clock and the site's.
    """

    connection: ServiceConnection
    clock: ClockSamples = field(default_factory=ClockSamples)
    _opened: AsyncExitStack = field(default_factory=AsyncExitStack)
    _channel: grpc.aio.Channel | None = None

    async def send(self, report: pb.ReportDeviceRequest, timeout_s: float = _TIMEOUT_S) -> pb.ReportDeviceResponse:
        """Send a report, stamped with the site's clock as it goes.

        Raises:
            SiteError: if a file of the connection cannot be used.
            grpc.aio.AioRpcError: what the service, or the way to it, says.
        """
        if self._channel is None:
            self._channel = await self._opened.enter_async_context(self.connection.channel())
        stub = SitesStub(self._channel)  # type: ignore[no-untyped-call]
        with begin_call("ReportDevice", SpanKind.CLIENT):
            metadata = self.connection.metadata()
            report.sent_at_us = sent_us = now_us()
            answer: pb.ReportDeviceResponse = await stub.ReportDevice(report, metadata=metadata, timeout=timeout_s)
            self.clock.take(ClockOffset.of_exchange(sent_us, answer.received_at_us, answer.sent_at_us, now_us()))
        return answer

    async def close(self) -> None:
        """Close the connection; the next report opens another one."""
        self._channel = None
        await self._opened.aclose()
