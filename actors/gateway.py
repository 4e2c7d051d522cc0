"""The Serve deployment that sites and operators call: one handler for each method of the contract."""

import asyncio
import functools
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ray.exceptions import TaskCancelledError
from ray.serve.grpc_util import RayServegRPCContext, gRPCInputStream
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from actors.background import kept_up
from actors.lanes import REPORT_THREADS, Lane
from actors.logs import structure_logs
from actors.page_maker import RemotePages
from actors.pages import Pages
from actors.services import Services
from actors.shared_counts import keep_shared
from actors.stream import StreamConnection
from protos import raypp_pb2 as pb
from raypp.errors import LedgerError, LedgerUnavailableError, SiteMovingError
from raypp.io.tracing import SpanKind, TraceSpan
from raypp.io.tracing import flush as flush_spans
from raypp.io.tracing import start as start_tracing
from raypp.ledger.device_values import DeviceState
from raypp.ledger.devices import Devices
from raypp.ledger.identity import Principal
from raypp.ledger.silence import Silence, count_silent
from raypp.serving.chunk_reader import ChunkReader, with_detections
from raypp.serving.devices import take_report
from raypp.serving.door import REQUEST_BYTES
from raypp.serving.fairness import Priority
from raypp.serving.messages import description
from raypp.serving.queries import EpisodeWatch, check_range, list_episodes
from raypp.serving.quota import CallKind
from raypp.serving.refusal_log import quiet_refusals
from raypp.serving.reports import site_report
from raypp.serving.settings import ServiceSettings
from raypp.serving.status import Status, StatusError, status_of
from raypp.wire.messages import check_detect, check_wire_name
from raypp.wire.parsing import parse
from raypp.wire.spans import begin_call
from raypp.wire.values import episode_message, frame_detections_message

_BUSY = 503
READY = "/ready"

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Unary = Callable[["Gateway", _Request, RayServegRPCContext], Awaitable[_Response]]
_Stream = Callable[["Gateway", _Request, RayServegRPCContext], AsyncIterator[_Response]]

logger = logging.getLogger("ray.serve")


def _answered(handler: _Unary[_Request, _Response]) -> _Unary[_Request, _Response]:
    """Give an error of a handler its status."""

    @functools.wraps(handler)
    async def call(self: "Gateway", request: _Request, grpc_context: RayServegRPCContext) -> _Response:
        span = _begin_span(handler.__name__, grpc_context)
        with span.active():
            try:
                response = await handler(self, request, grpc_context)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status and one line
                refusal = self.refused(error, grpc_context)
                _end(span, refusal.status)
                raise refusal from None
        _end(span, Status.OK)
        return response

    return call


def _streamed(handler: _Stream[_Request, _Response]) -> _Stream[_Request, _Response]:
    """Give an error of a streaming handler its status."""

    @functools.wraps(handler)
    async def call(self: "Gateway", request: _Request, grpc_context: RayServegRPCContext) -> AsyncIterator[_Response]:
        span = _begin_span(handler.__name__, grpc_context)
        span.bind()  # the task is this call's own
        try:
            async for response in handler(self, request, grpc_context):
                yield response
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a status and one line
            refusal = self.refused(error, grpc_context)
            _end(span, refusal.status)
            raise refusal from None
        except BaseException:
            _end(span, Status.CANCELLED)
            raise
        _end(span, Status.OK)

    return call


def _begin_span(method: str, grpc_context: RayServegRPCContext) -> TraceSpan:
    return begin_call(method, SpanKind.SERVER, grpc_context.traceparent() or "")


def _end(span: TraceSpan, status: Status) -> None:
    """End the span of a call with the status that its caller gets."""
    span.set({"rpc.response.status_code": status.name})
    span.end(None if status is Status.OK else status.name)


class Gateway:
    """Serves the methods of `raypp.v1.Sites`; holds nothing that the ledger does not.

    Messages come as bytes, and are parsed once it is known who sends them: see `raypp.serving.door`.

    Args:
        settings: JSON of `ServiceSettings`.
        detectors: the deployments that detect, by veil_id.
        alerts: the deployment that sends alerts; Serve runs it since it is named here, and nothing is asked of it.
        counts: the deployment that gateways tell their counts to; None where there is one gateway.
    """

    def __init__(
        self,
        settings: str,
        detectors: dict[str, DeploymentHandle[Any]],
        alerts: DeploymentHandle[Any] | None = None,  # noqa: ARG002
        counts: DeploymentHandle[Any] | None = None,
    ) -> None:
        quiet_refusals(logger)
        service = ServiceSettings.model_validate_json(settings)
        structure_logs(service.log_format, "gateway")
        start_tracing("gateway")
        self._services = Services(service, detectors)
        lanes = self._services.lanes.each()
        self._pages = Pages(self._services, RemotePages(self._services.settings, REPORT_THREADS * (len(lanes) + 1)))
        loop = asyncio.get_running_loop()
        self._silences: dict[str, Silence] = {}
        self._devices: dict[str, dict[DeviceState, int]] = {}
        work: list[Callable[[], Awaitable[None]]] = []
        for lane in lanes:
            work += [functools.partial(self._reap, lane), lane.places.keep, lane.keep_partitions]
        if counts is not None:
            work.append(functools.partial(keep_shared, self._services.calls, counts))
        self._tasks = [loop.create_task(kept_up(each)) for each in work]

    @_answered
    async def DescribeModel(  # noqa: N802 - the contract's name
        self, message: bytes, grpc_context: RayServegRPCContext
    ) -> pb.DescribeModelResponse:
        """Say what a model needs, and the service's limits."""
        async with self._caller(grpc_context, CallKind.READ) as principal:
            request = parse(pb.DescribeModelRequest, message, REQUEST_BYTES)
            services = self._services
            veil_id = request.veil_id or services.veils.only(principal)
            services.veils.require(veil_id, principal, Status.NOT_FOUND)
            return description(await services.detectors.about(veil_id), services.limits, time.time_ns() // 1000)

    @_answered
    async def DetectFrames(  # noqa: N802
        self, message: bytes, grpc_context: RayServegRPCContext
    ) -> pb.DetectFramesResponse:
        """Detect on a batch of frames; nothing is kept."""
        async with self._caller(grpc_context, CallKind.DETECT) as principal:
            services = self._services
            request = parse(pb.DetectFramesRequest, message, services.limits.message_bytes)
            check_detect(request, services.limits.message())
            services.veils.require(request.veil_id, principal, Status.FAILED_PRECONDITION)
            model = await services.detectors.about(request.veil_id)
            reader = ChunkReader(model, request.width, request.height, request.sub_key, services.limits)
            frames, block = await asyncio.to_thread(reader.frames, request.frames)
            detected = None
            if block is not None:
                detected = await services.detectors.detect(request.veil_id, block, principal.owner, Priority.CALL)
            lane = services.lanes.home if principal.site is None else await services.lanes.of(principal.site)
            await lane.audit(principal, "detect", request.veil_id, f"{len(frames)} frames")
            return pb.DetectFramesResponse(
                model_id=detected.model_id if detected is not None else model.model_id,
                frames=[
                    frame_detections_message(frame.frame_index, frame.timestamp_us, frame.detections)
                    for frame in with_detections(frames, detected)
                ],
            )

    @_streamed
    async def StreamFrames(  # noqa: N802
        self, requests: "gRPCInputStream[bytes]", grpc_context: RayServegRPCContext
    ) -> AsyncIterator[pb.StreamFramesResponse]:
        """Stream one camera."""
        connection = StreamConnection(self._services, requests, grpc_context.invocation_metadata())
        async for response in connection.run():
            yield response

    @_answered
    async def GetSiteReport(  # noqa: N802
        self, message: bytes, grpc_context: RayServegRPCContext
    ) -> pb.GetSiteReportResponse:
        """Report the use of tools at one site."""
        async with self._caller(grpc_context, CallKind.READ) as principal:
            request = parse(pb.GetSiteReportRequest, message, REQUEST_BYTES)
            _check_reader(principal, request.site)
            check_range(request.site, request.from_us, request.to_us)
            services = self._services
            wanted, most = (request.site, request.from_us, request.to_us), services.limits.message_bytes
            lane = await services.lanes.of(request.site)
            making = lane.turns.only(principal.token_id, site_report, lane.ledger, *wanted, most)
            report = await lane.answered(making)
            await lane.audit(principal, "report", request.site, f"from {request.from_us} to {request.to_us}")
            return pb.GetSiteReportResponse(report_json=report)

    @_answered
    async def ListEpisodes(  # noqa: N802
        self, message: bytes, grpc_context: RayServegRPCContext
    ) -> pb.ListEpisodesResponse:
        """List episodes of one site, in pages."""
        async with self._caller(grpc_context, CallKind.READ) as principal:
            request = parse(pb.ListEpisodesRequest, message, REQUEST_BYTES)
            _check_reader(principal, request.site)
            lane = await self._services.lanes.of(request.site)
            page = await lane.read(list_episodes, lane.ledger, request)
            await lane.audit(principal, "episodes", request.site, f"{len(page.episodes)} episodes")
            return page

    @_streamed
    async def WatchEpisodes(  # noqa: N802
        self, message: bytes, grpc_context: RayServegRPCContext
    ) -> AsyncIterator[pb.WatchEpisodesResponse]:
        """Send episodes as they open, change and close, until the call has lasted long enough."""
        async with self._caller(grpc_context, CallKind.WATCH) as principal:
            request = parse(pb.WatchEpisodesRequest, message, REQUEST_BYTES)
            _check_reader(principal, request.site)
            services = self._services
            lane = await services.lanes.of(request.site)
            await lane.audit(principal, "watch", request.site)
            watch = EpisodeWatch(lane.ledger, request.site)
            episodes = await lane.read(watch.open_ones)
            yield pb.WatchEpisodesResponse(episodes=[episode_message(episode) for episode in episodes])
            ends_at = time.monotonic() + services.settings.stream_age_s * random.uniform(0.7, 1.0)  # noqa: S311
            while time.monotonic() < ends_at:
                if not watch.more:
                    await asyncio.sleep(services.settings.watch_every_s)
                    _check_reader(await self._principal(grpc_context), request.site)
                    if await services.lanes.of(request.site) is not lane:
                        return  # the caller watches anew, where the site is now
                if episodes := await lane.read(watch.changed):
                    yield pb.WatchEpisodesResponse(episodes=[episode_message(episode) for episode in episodes])

    @_answered
    async def CheckCommitted(  # noqa: N802
        self, message: bytes, grpc_context: RayServegRPCContext
    ) -> pb.CheckCommittedResponse:
        """Compare what a site was told is committed with the ledger, and note what is lost."""
        async with self._caller(grpc_context, CallKind.READ) as principal:
            request = parse(pb.CheckCommittedRequest, message, REQUEST_BYTES)
            check_wire_name(request.site, "site")
            principal.may_write(request.site)
            lane = await self._services.lanes.of(request.site)
            answer, lost = await lane.wait_for(lane.commitments.answer, request, str(principal))
            self._services.metrics.lost(lost)
            return answer

    @_answered
    async def ReportDevice(  # noqa: N802
        self, message: bytes, grpc_context: RayServegRPCContext
    ) -> pb.ReportDeviceResponse:
        """Keep how a site's agent is doing."""
        async with self._caller(grpc_context, CallKind.READ) as principal:
            request = parse(pb.ReportDeviceRequest, message, REQUEST_BYTES)
            check_wire_name(request.site, "site")
            principal.may_write(request.site)
            lane = await self._services.lanes.of(request.site)
            who, settings = str(principal), self._services.settings
            return await lane.commit(request.site, take_report, lane.ledger, request, settings, who)

    async def __call__(self, request: Request) -> Response:
        """Answer a browser with the read-only pages, and whoever asks with whether frames can be detected now."""
        try:
            if request.scope["path"] == READY:
                with self._services.calls.taken("ready", CallKind.PAGE):
                    ready = await self._services.detectors.are_ready()
                return PlainTextResponse("ready\n") if ready else PlainTextResponse("no detector answers\n", _BUSY)
            with self._services.calls.taken("pages", CallKind.PAGE):
                return await self._pages.answer(request)
        except StatusError as status_error:
            return PlainTextResponse(f"{status_error}\n", _BUSY, {"Retry-After": "5"})

    def __del__(self) -> None:
        """Give places back, and write down what was read: Serve calls this when a replica goes in peace."""
        if hasattr(self, "_services"):  # it may have failed to start
            flushing = threading.Thread(target=flush_spans, daemon=True)
            flushing.start()  # at once: a ledger that hangs takes time that Serve does not give twice
            self._services.lanes.leave()
            flushing.join()

    def refused(self, error: BaseException, grpc_context: RayServegRPCContext) -> StatusError:
        """Set the status of a call that failed, count it, and return what is raised."""
        gone = isinstance(error, TaskCancelledError)  # Ray's own word for a caller that has hung up
        status_error = StatusError(Status.CANCELLED, "the caller has gone") if gone else status_of(error)
        if status_error.status is Status.INTERNAL:
            logger.error("raypp: a call failed", exc_info=error)
        self._services.metrics.refused(status_error.status.name)
        if isinstance(error, LedgerUnavailableError) and not isinstance(error, SiteMovingError):
            self._services.ledger_failed(error)
        if status_error.status is Status.UNAUTHENTICATED:
            self._services.token_refused(f"{status_error} (call from {grpc_context.peer()})")
        grpc_context.set_code(status_error.status)
        grpc_context.set_details(str(status_error))
        return status_error

    @asynccontextmanager
    async def _caller(self, grpc_context: RayServegRPCContext, kind: CallKind) -> AsyncIterator[Principal]:
        """Know who calls, and count the call among its owner's for as long as it lasts."""
        principal = await self._principal(grpc_context)
        with self._services.calls.taken(principal.owner, kind):
            yield principal

    async def _principal(self, grpc_context: RayServegRPCContext) -> Principal:
        return await self._services.principal(grpc_context.invocation_metadata())

    async def _reap(self, lane: Lane) -> None:
        """Close episodes of silent streams provisionally, for ever; several gateways doing so do it once."""
        services, trouble = self._services, ""
        while True:
            await asyncio.sleep(services.settings.reap_every_s * random.uniform(0.5, 1.5))  # noqa: S311
            try:
                closed = await lane.wait_for(lambda: lane.ledger.reap(lane.ledger.clock()))
                self._silences[lane.name] = await lane.wait_for(lambda: count_silent(lane.ledger))
                self._devices[lane.name] = await lane.wait_for(lambda: Devices(lane.ledger).count())
            except LedgerError as error:
                if str(error) != trouble:
                    logger.warning("raypp: silent streams could not be looked for: %s", error)
                trouble = str(error)
            else:
                trouble = ""
                services.metrics.reaped(len(closed))
                services.metrics.silence(sum(self._silences.values(), Silence(0, 0)))
                services.metrics.devices(self._devices.values())
            await lane.write_readings()


def _check_reader(principal: Principal, site: str) -> None:
    """Raise WireError for a malformed name, ForbiddenError unless the principal may read the site."""
    check_wire_name(site, "site")
    principal.may_read(site)
