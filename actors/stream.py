"""One connection of one stream: messages are read, decoded and detected on ahead of the one that is being committed."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from ray.exceptions import TaskCancelledError

from actors.services import Services
from protos import raypp_pb2 as pb
from raypp.io.background import in_background
from raypp.io.clock import now_us
from raypp.io.log_record import LoggedStream, bind_stream
from raypp.io.tracing import SpanKind, TraceSpan
from raypp.ledger.types import StreamAbout
from raypp.serving.access import Metadata
from raypp.serving.admission import Admission, StreamAdmission
from raypp.serving.alive import with_alive
from raypp.serving.chunk_reader import ChunkReader, ReadChunk, require_size
from raypp.serving.fairness import Priority
from raypp.serving.messages import model_message
from raypp.serving.model import DetectedBlock
from raypp.serving.quota import CallKind
from raypp.serving.registry import StreamPlace
from raypp.serving.site_clock import SiteClock
from raypp.serving.status import Status, StatusError, status_of
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.wire.frames import check_clock
from raypp.wire.messages import check_open
from raypp.wire.parsing import parse
from raypp.wire.spans import ChunkSpans
from raypp.wire.values import episode_message, frame_detections_message

_AHEAD = 1
"""Chunks that wait, decoded, behind the one being committed; one more is being read."""
_GLANCE_S = 0.5
_COMMIT_CHUNK = "commit chunk"

logger = logging.getLogger("ray.serve")


@dataclass
class _UnderWay:
    """A chunk that was admitted, and its detections, which may still be made."""

    chunk: ReadChunk
    admission: Admission
    detected: "asyncio.Task[DetectedBlock] | None"
    span: TraceSpan
    received_at_us: int
    arrived: float = field(default_factory=time.monotonic)


class _EndOfInputError(Exception):
    """The client has sent all that it will send on this connection."""


class StreamConnection:
    """Serves one call of StreamFrames.

    Memory is bounded whatever the client does: at most `_AHEAD` + 2 chunks are held, none is read beyond the window of
    those that the client was told are committed, and a connection ends after an age or an amount of answers.

    Args:
        services: of the gateway.
        requests: what the client sends, messages of StreamFramesRequest in bytes.
        metadata: of the call.
    """

    def __init__(self, services: Services, requests: AsyncIterator[bytes], metadata: Metadata) -> None:
        self._services = services
        self._requests = requests
        self._metadata = metadata
        self._queue: asyncio.Queue[_UnderWay | Exception] = asyncio.Queue(_AHEAD)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._spans = ChunkSpans(_COMMIT_CHUNK, SpanKind.SERVER, LoggedStream("", ""))
        self._place: StreamPlace | None = None
        self._clock: SiteClock | None = None
        self._exit = ExitStack()
        settings = services.settings
        now = time.monotonic()
        # Each at a time of its own, so that after a scale-up or a deployment not all come back at once.
        self._moves_at = now + settings.stream_age_s * random.uniform(0.7, 1.0)  # noqa: S311
        self._checked_at = now
        self._answered_bytes = 0

    async def run(self) -> AsyncIterator[pb.StreamFramesResponse]:
        """Answer with `opened`, then with `committed` for each chunk; raises RefusedError."""
        try:
            yield await self._open()
            reader = in_background(self._read(), self._tasks)
            every_s = self._services.settings.alive_every_s
            async for answer in with_alive(self._answers(), every_s, self._tasks):
                self._answered_bytes += answer.ByteSize()
                yield answer
                if self._answered_bytes > self._services.settings.answers_bytes:
                    self._moves_at = 0
            reader.cancel()
            if self._moves_at <= time.monotonic():
                yield pb.StreamFramesResponse(moving=pb.Moving(reason=self._why_moving))
        except Exception as error:
            self._spans.close(status_of(error).status.name)
            raise
        finally:
            self._spans.close(Status.CANCELLED.name)
            for task in list(self._tasks):
                task.cancel()
            self._exit.close()
            if self._place is not None:
                leave = self._lane.places.leave if self._place.ledger else self._services.lanes.registry.leave
                leave(self._place)
                self._note_streams()

    async def _open(self) -> pb.StreamFramesResponse:
        services = self._services
        self._why_moving = "the connection has lasted long enough; open another one"
        principal = await services.principal(self._metadata)
        self._exit.enter_context(services.calls.taken(principal.owner, CallKind.STREAM))
        request = await self._first_message()
        check_open(request)
        self._clock = clock = SiteClock(request.sent_at_us)
        principal.may_write(request.site)
        services.veils.require(request.veil_id, principal, Status.FAILED_PRECONDITION)
        self._live = request.live
        self._stream = StreamName(request.site, request.camera, request.stream_epoch)
        logged = LoggedStream(request.site, request.camera, request.stream_epoch)
        bind_stream(logged)
        self._spans = ChunkSpans(_COMMIT_CHUNK, SpanKind.SERVER, logged)
        self._place = services.lanes.registry.enter(request.site, request.camera)
        self._note_streams()
        self._model = await services.detectors.about(request.veil_id)
        # Whatever can be judged is judged before the ledger is asked: a refused try changes no stream.
        require_size(self._model, request.size)
        self._chunks = ChunkReader(self._model, request.width, request.height, request.sub_key, services.limits)
        about = StreamAbout(
            classes=self._model.classes,
            model_id=self._model.model_id,
            veil_id=self._model.veil_id,
            live=request.live,
            clock_offset_us=clock.one_way_us,
            agent_version=request.agent_version[:64],
            reliabilities=self._model.reliabilities,
        )
        self._lane = lane = await services.lanes.of(request.site)
        opening = lane.places.opening(self._place)
        self._writer = await lane.commit(request.site, StreamWriter.open, lane.ledger, self._stream, about, opening)
        services.lanes.registry.take_over(self._place)
        self._admission = StreamAdmission.resumed(self._writer.committed, ended=self._writer.ended)
        name = str(logged.stream_id)
        resumed = f"resumed after {self._writer.committed}; model {self._model.model_id[:12]} by {self._model.engine}"
        logger.info("raypp: stream %s %s", name, resumed)
        await lane.audit(principal, "stream", name, resumed, about=f"{request.site}/{request.camera}")
        return pb.StreamFramesResponse(
            opened=pb.Opened(
                resume_after=self._writer.committed,
                model=model_message(self._model),
                limits=services.limits.message(),
                clock_offset_us=clock.one_way_us,
                alive_every_ms=round(services.settings.alive_every_s * 1000),
                received_at_us=clock.received_at_us,
                sent_at_us=clock.answered(),
            )
        )

    async def _first_message(self) -> pb.Open:
        within_s = self._services.settings.open_within_s
        try:
            request = self._parsed(await asyncio.wait_for(anext(self._requests), within_s))
        except StopAsyncIteration:
            raise StatusError(Status.INVALID_ARGUMENT, "the stream ended before its `open`") from None
        except TimeoutError:
            raise StatusError(Status.INVALID_ARGUMENT, f"no `open` came within {within_s:g} s") from None
        if request.WhichOneof("message") != "open":
            raise StatusError(Status.INVALID_ARGUMENT, "the first message of a stream must be `open`")
        return request.open

    async def _read(self) -> None:
        """Read ahead until the input ends or a chunk is refused; what was admitted before is still committed."""
        try:
            async for message in self._requests:
                await self._queue.put(await self._admit(self._parsed(message)))
            await self._queue.put(_EndOfInputError())
        except Exception as error:  # noqa: BLE001 - it is raised where answers are made, behind those that are due
            await self._queue.put(error)

    def _parsed(self, message: bytes) -> pb.StreamFramesRequest:
        most = self._services.limits.message_bytes
        return parse(pb.StreamFramesRequest, message, most, inner=pb.StreamFramesRequest.CHUNK_FIELD_NUMBER)

    async def _admit(self, request: pb.StreamFramesRequest) -> _UnderWay:
        if request.WhichOneof("message") != "chunk":
            raise StatusError(Status.INVALID_ARGUMENT, "after `open`, every message of a stream must be a `chunk`")
        message, received_at_us = request.chunk, now_us()
        self._chunks.check(message)
        self._look_at_clock(message.sent_at_us)
        span = self._spans.begin(message.sequence, message.traceparent)
        span.set({"raypp.frames": len(message.frames)})
        if self._live:
            check_clock(message.frames, self._services.ledgers.clock())
        indices = (message.frames[0].frame_index, message.frames[-1].frame_index) if message.frames else None
        self._admission, admission = self._admission.admit(
            message.sequence,
            message.committed_seen,
            indices,
            last=message.last,
            window=self._services.limits.window,
        )
        # A repeat is decoded too: the next frame may be a change against its last.
        chunk = await asyncio.to_thread(self._chunks.read, message)
        detected = None
        if admission is Admission.NEW and chunk.block is not None:
            detecting = self._services.detectors.detect(
                self._model.veil_id, chunk.block, self._stream.site, Priority.STREAM
            )
            with span.active():
                detected = in_background(detecting, self._tasks)
        return _UnderWay(chunk, admission, detected, span, received_at_us)

    def _look_at_clock(self, chunk_sent_at_us: int) -> None:
        """Note how far the site's clock is off, once the first chunk shows it."""
        clock, self._clock = self._clock, None
        if clock is None or (offset := clock.compare(chunk_sent_at_us)) is None:
            return
        if self._live:
            self._services.metrics.clock(offset.certain_us)
        if offset.certain_us != clock.one_way_us:
            self._writer.note_clock(offset.certain_us)

    async def _answers(self) -> AsyncIterator[pb.StreamFramesResponse]:
        coming = in_background(self._queue.get(), self._tasks)
        while True:
            await asyncio.wait([coming], timeout=_GLANCE_S)
            await self._still_welcome()
            if not coming.done():
                if self._moves_at <= time.monotonic():
                    return
                continue
            item = coming.result()
            if isinstance(item, _EndOfInputError):
                return
            if isinstance(item, TaskCancelledError):
                raise item  # Ray's own word for a caller that has hung up, which the gateway knows
            if isinstance(item, Exception):
                raise status_of(item) from item
            coming = in_background(self._queue.get(), self._tasks)
            answer = await self._commit(item)
            if answer is None:
                self._moves_at, self._why_moving = 0, "the model was replaced; open another connection"
                return
            self._admission = self._admission.acknowledged(item.chunk.sequence)
            self._spans.end(item.chunk.sequence)
            yield answer
            if self._moves_at <= time.monotonic():
                return

    async def _still_welcome(self) -> None:
        if self._place is not None and self._place.taken_over:
            name = f"{self._stream.site}/{self._stream.camera}"
            raise StatusError(Status.ABORTED, f"another connection has taken {name} over")
        if self._place is not None and self._place.lost:
            name = f"{self._stream.site}/{self._stream.camera}"
            raise StatusError(
                Status.ABORTED, f"{name} is not among its site's open streams any more; open it anew if it is yours"
            )
        now = time.monotonic()
        if now - self._checked_at >= self._services.settings.token_check_s:
            self._checked_at = now
            (await self._services.principal(self._metadata)).may_write(self._stream.site)

    async def _commit(self, under_way: _UnderWay) -> pb.StreamFramesResponse | None:
        """Make a chunk durable and return the answer; None where another model has looked at it than `opened` named."""
        chunk, metrics = under_way.chunk, self._services.metrics
        if under_way.admission is Admission.REPEAT:
            metrics.repeated()
            return pb.StreamFramesResponse(committed=pb.Committed(sequence=chunk.sequence))
        detected = await under_way.detected if under_way.detected is not None else None
        if detected is not None and detected.model_id != self._model.model_id:
            return None
        frames = chunk.seen(detected)
        begin = time.monotonic()
        with under_way.span.active():
            written = await self._lane.commit(
                self._stream.site, self._writer.commit, chunk.sequence, frames, last=chunk.last
            )
        metrics.committed(len(frames), time.monotonic() - begin, time.monotonic() - under_way.arrived)
        return pb.StreamFramesResponse(
            committed=pb.Committed(
                sequence=chunk.sequence,
                frames=[
                    frame_detections_message(frame.frame_index, frame.timestamp_us, frame.detections)
                    for frame in written.frames
                ],
                episodes=[episode_message(episode) for episode in written.episodes],
                received_at_us=under_way.received_at_us,
                sent_at_us=now_us(),
            )
        )

    def _note_streams(self) -> None:
        registry = self._services.lanes.registry
        self._services.metrics.open_streams(len(registry), registry.sites)
