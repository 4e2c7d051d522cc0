"""The question for the service's model of a veil."""

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.edge.uplink.connection import ServiceConnection
from raypp.io.clock import now_us
from raypp.io.tracing import SpanKind
from raypp.wire.spans import begin_call

_TIMEOUT_S = 15.0


async def describe_model(
    connection: ServiceConnection, veil_id: str, timeout_s: float = _TIMEOUT_S
) -> tuple[pb.DescribeModelResponse, int, int]:
    """Ask the service for its model of a veil: the answer, and when it was asked and answered.

    Raises:
        SiteError: if a file of the link cannot be used.
        grpc.aio.AioRpcError: what the service, or the way to it, says.
    """
    async with connection.channel() as channel:
        stub = SitesStub(channel)  # type: ignore[no-untyped-call]
        request = pb.DescribeModelRequest(veil_id=veil_id)
        with begin_call("DescribeModel", SpanKind.CLIENT):
            metadata = connection.metadata()
            asked_us = now_us()
            response = await stub.DescribeModel(request, metadata=metadata, timeout=timeout_s)
            return response, asked_us, now_us()
