"""The question whether the service's ledger still has what it said is committed."""

import asyncio
from collections.abc import Mapping, Sequence

import grpc
import grpc.aio

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.edge.spool.committed_record import CommittedStream
from raypp.edge.uplink.connection import ServiceConnection, what_failed
from raypp.errors import SiteError
from raypp.io.tracing import SpanKind
from raypp.wire.spans import begin_call

_AT_A_TIME = 200
_TIMEOUT_S = 15.0
_PAUSE_S = 0.2
"""Between two calls: five a second are half of what a service lets a site make, so its streams are not kept out."""
_BUSY_S = 10.0
_MOST_BUSY = 6
"""So many times a service's limit is waited for, over all calls of a query."""


async def query_shortfalls(
    connection: ServiceConnection, site: str, committed: Mapping[str, Sequence[CommittedStream]]
) -> list[pb.Shortfall] | None:
    """Return the streams of which the service has less than it said; calls are paced, and wait for its limits.

    Args:
        connection: how to reach the service.
        site: name of the site.
        committed: by camera, what it said.

    Returns:
        None where the service is older, and cannot say.

    Raises:
        SiteError: if it cannot be reached, or refuses.
    """
    commitments = [
        pb.Commitment(
            camera=camera,
            stream_epoch=stream.epoch,
            sequence=stream.sequence,
            held_from=stream.held_from,
            first_us=stream.first_us,
            last_us=stream.last_us,
        )
        for camera, streams in sorted(committed.items())
        for stream in streams
    ]
    shortfalls: list[pb.Shortfall] = []
    try:
        async with connection.channel() as channel:
            stub = SitesStub(channel)  # type: ignore[no-untyped-call]
            at, busy = 0, 0
            while at < len(commitments):
                request = pb.CheckCommittedRequest(site=site, commitments=commitments[at : at + _AT_A_TIME])
                try:
                    with begin_call("CheckCommitted", SpanKind.CLIENT):
                        metadata = connection.metadata()
                        answer = await stub.CheckCommitted(request, metadata=metadata, timeout=_TIMEOUT_S)
                except grpc.aio.AioRpcError as error:
                    busy += 1
                    if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED or busy > _MOST_BUSY:
                        raise
                    await asyncio.sleep(_BUSY_S)
                    continue
                shortfalls.extend(answer.shortfalls)
                at += _AT_A_TIME
                if at < len(commitments):
                    await asyncio.sleep(_PAUSE_S)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return None
        raise SiteError(f"{error.code().name}: {what_failed(error.code(), error.details())}") from None
    return shortfalls
