"""The question for the service's model of a veil."""

from dataclasses import dataclass

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.edge.uplink.connection import ServiceConnection
from raypp.io.clock import now_us
from raypp.io.tracing import SpanKind
from raypp.wire.clock_offset import ClockOffset
from raypp.wire.spans import begin_call

_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """The service's answer.

    Attributes:
        response: the answer.
        took_us: time from the question to the answer, microseconds.
        clock: what they show of the service's clock and the site's; None where the service is older and tells no time.
    """

    response: pb.DescribeModelResponse
    took_us: int
    clock: ClockOffset | None


async def describe_model(connection: ServiceConnection, veil_id: str, timeout_s: float = _TIMEOUT_S) -> DescribedModel:
    """Ask the service for its model of a veil.

    Raises:
        SiteError: if a file of the link cannot be used.
        grpc.aio.AioRpcError: what the service, or the way to it, says.
    """
    async with connection.channel() as channel:
        stub = SitesStub(channel)  # type: ignore[no-untyped-call]
        request = pb.DescribeModelRequest(veil_id=veil_id)
        with begin_call("DescribeModel", SpanKind.CLIENT):
            metadata = connection.metadata()
            sent_us = now_us()
            response = await stub.DescribeModel(request, metadata=metadata, timeout=timeout_s)
            back_us, service_us = now_us(), response.service_time_us
            clock = ClockOffset.of_exchange(sent_us, service_us, service_us, back_us) if service_us else None
            return DescribedModel(response, back_us - sent_us, clock)
