"""One connection of one stream: opened, resumed where the ledger stands, chunks sent within the window."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeAlias

import grpc.aio

from protos import raypp_pb2 as pb
from raypp import __version__
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.stream_spool import StreamSpool
from raypp.edge.uplink.faults import ConnectionFailedError, MovingError, RefusedError, SlowChunkError, meaning
from raypp.errors import SiteError
from raypp.io.clock import now_us
from raypp.io.log_record import LoggedStream
from raypp.io.tracing import SpanKind, TraceSpan
from raypp.veil.packing import unpack
from raypp.wire.clock_offset import ClockOffset, ClockSamples
from raypp.wire.compression import decompress
from raypp.wire.frames import CellEncoder, cell_bytes
from raypp.wire.spans import ChunkSpans

Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.StreamFramesRequest, pb.StreamFramesResponse]"

OPEN_TIMEOUT_S = 30.0
COMMIT_TIMEOUT_S = 60.0
"""How long a chunk may take at a service that never says that it is there."""
_ALIVE_TIMEOUT_S = 600.0
"""How long at one that does: it is at work, and elsewhere the chunk would take as long."""
_SILENCES = 3
"""So many times as long as a service leaves a connection silent, it is waited for."""
_LEAST_SILENCE_S = 5.0
"""A service that pauses for less is not left, whatever it announces."""
_JITTER = 0.2
"""Agents wait for up to so much longer, each for its own time: they do not all leave a pausing service at once."""
_AROUND_CHUNK = 16
"""Bytes that a message has besides its chunk, at most."""


@dataclass
class SendProgress:
    """Counts of a client's work, for the operator.

    Attributes:
        frames, bytes: sent and committed; bytes as sent, cells alone.
        connections: times that a stream was opened.
        detections: found on committed frames.
        clock: what exchanges with the service show of its clock and the site's.
    """

    frames: int = 0
    bytes: int = 0
    connections: int = 0
    detections: int = 0
    clock: ClockSamples = field(default_factory=ClockSamples)


class Session:
    """A stream over one connection.

    Args:
        spool: holds the chunks.
        stream: the epoch to send.
        progress: counts what is done.
        on_opened: called once the service has answered, and its clock is known.
        on_moved: called when the first chunk over this connection is committed.
        on_episode: told of each episode that the service opens, changes or closes.
        patience: how many times as long a chunk may take as one that is sent for the first time.

    Attributes:
        committed: number of the last chunk that is durable.
        moved_on: something was committed over this connection.
    """

    def __init__(
        self,
        spool: CameraSpool,
        stream: StreamSpool,
        progress: SendProgress,
        on_opened: Callable[[], None] = lambda: None,
        on_moved: Callable[[], None] = lambda: None,
        on_episode: Callable[[pb.Episode], None] = lambda _: None,
        patience: int = 1,
    ) -> None:
        self.committed = 0
        self.moved_on = False
        self._spool = spool
        self._stream = stream
        self._progress = progress
        self._on_opened = on_opened
        self._on_moved = on_moved
        self._on_episode = on_episode
        facts = stream.facts
        self._spans = ChunkSpans("send chunk", SpanKind.CLIENT, LoggedStream(facts.site, facts.camera, facts.epoch))
        self._encoder = CellEncoder(facts.grid)
        self._sent = 0
        self._sent_at_us: dict[int, int] = {}
        self._limits = pb.Limits()
        self._silence_s: float | None = None
        self._patience = patience
        self._commit_timeout_s = patience * COMMIT_TIMEOUT_S
        self._wake = asyncio.Event()
        self._advanced_at = monotonic()

    @property
    def is_idle(self) -> bool:
        """Whether all that was sent is committed."""
        return self._sent == self.committed

    def wake(self) -> None:
        """There may be more to send; call it in the event loop's thread."""
        self._wake.set()

    async def run(self, call: Call) -> None:
        """Send until the stream is done.

        Raises:
            RefusedError, BusyError, LinkError, MovingError: why the connection is over.
        """
        try:
            opening = self._open_message()
            self._sent_at_us[0] = opening.sent_at_us
            await call.write(pb.StreamFramesRequest(open=opening))
            await self._take_opened(await self._first(call))
            reading = asyncio.create_task(self._read(call))
            writing = asyncio.create_task(self._write(call))
            try:
                done, _ = await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await _cancelled(reading, writing)
                self._spans.close("connection over")
        except grpc.aio.AioRpcError as error:
            raise meaning(error.code(), error.details() or "") from None
        except asyncio.InvalidStateError:
            raise await _ending(call) from None

    def _open_message(self) -> pb.Open:
        facts = self._stream.facts
        return pb.Open(
            site=facts.site,
            camera=facts.camera,
            stream_epoch=facts.epoch,
            veil_id=facts.veil_id,
            width=facts.width,
            height=facts.height,
            sub_key=facts.sub_key,
            live=facts.live,
            sent_at_us=now_us(),
            agent_version=__version__,
            size=facts.size,
        )

    async def _first(self, call: Call) -> pb.Opened:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                response = await call.read()
        except TimeoutError:
            raise ConnectionFailedError(f"the service has not answered for {OPEN_TIMEOUT_S:.0f} s") from None
        if not isinstance(response, pb.StreamFramesResponse):
            raise await _ending(call)
        if response.WhichOneof("message") == "moving":
            raise MovingError(response.moving.reason)
        if response.WhichOneof("message") != "opened":
            raise ConnectionFailedError("the service did not begin with `opened`; is it a raypp service?")
        return response.opened

    def _compare_clocks(self, sequence: int, received_at_us: int, answered_at_us: int) -> None:
        """Take what a chunk and its answer, which has just come, show of the clocks; 0: `open` and its answer."""
        sent_at_us = self._sent_at_us.pop(sequence, 0)
        if sent_at_us and received_at_us:
            sample = ClockOffset.of_exchange(sent_at_us, received_at_us, answered_at_us, now_us())
            self._progress.clock.take(sample)

    async def _take_opened(self, opened: pb.Opened) -> None:
        received_at_us = opened.received_at_us or self._sent_at_us[0] + opened.clock_offset_us  # of an older service
        self._compare_clocks(0, received_at_us, opened.sent_at_us or received_at_us)
        facts, stream = self._stream.facts, self._stream
        if opened.model.veil_id != facts.veil_id or opened.model.size != facts.size:
            raise RefusedError(
                f"the service's model reads veil {opened.model.veil_id} at {opened.model.size} pixels, but the spool "
                f"of {facts.camera} holds veil {facts.veil_id} at {facts.size}; stream with that model's key, and "
                f"`size` {opened.model.size}"
            )
        resume = opened.resume_after
        if resume > stream.last_sequence:
            raise RefusedError(
                f"the service has committed chunk {resume} of {facts.camera}'s stream {facts.epoch}, the spool "
                f"{stream.folder} ends with {stream.last_sequence}: it is an old copy; move it away to begin anew"
            )
        if resume + 1 < stream.first_sequence:
            raise RefusedError(
                f"the service has committed only chunk {resume} of {facts.camera}'s stream {facts.epoch}, but the "
                f"spool {stream.folder} begins with {stream.first_sequence}: the ledger is an old copy; restore it, or "
                "move the spool away to begin a new stream"
            )
        self._limits = opened.limits
        if opened.alive_every_ms:  # an older service says nothing of it
            self._silence_s = _silence_s(opened.alive_every_ms / 1000)
            self._commit_timeout_s = self._patience * _ALIVE_TIMEOUT_S
        self._progress.connections += 1
        self._sent = resume
        await self._commit(resume)
        self._on_opened()

    async def _commit(self, sequence: int) -> None:
        """Note what is durable; the disk is waited for in a thread, so that other cameras go on meanwhile."""
        self.committed = sequence
        self._advanced_at = monotonic()
        self._spans.end(sequence)
        await asyncio.to_thread(self._spool.commit, self._stream, sequence)

    async def _read(self, call: Call) -> None:
        """Take what the service says until it ends; where it says nothing, its node may be lost."""
        while True:
            try:
                async with asyncio.timeout(self._silence_s):
                    response = await call.read()
            except TimeoutError:
                raise ConnectionFailedError(f"the service has been silent for {self._silence_s:.1f} s") from None
            if not isinstance(response, pb.StreamFramesResponse):
                if self._stream.done:
                    return
                raise await _ending(call)
            match response.WhichOneof("message"):
                case "committed":
                    await self._take_committed(response.committed)
                case "moving":
                    raise MovingError(response.moving.reason)
                case _:
                    pass  # `alive`, or of a newer service

    async def _take_committed(self, committed: pb.Committed) -> None:
        self._compare_clocks(committed.sequence, committed.received_at_us, committed.sent_at_us)
        if committed.sequence > self._sent:
            raise ConnectionFailedError(
                f"the service says that chunk {committed.sequence} is committed, which was never sent"
            )
        if committed.sequence > self.committed:
            if not self.moved_on:
                self.moved_on = True
                self._on_moved()
            self._progress.frames += len(committed.frames)
            self._progress.detections += sum(len(frame.detections) for frame in committed.frames)
            for episode in committed.episodes:
                self._on_episode(episode)
            await self._commit(committed.sequence)
        self._wake.set()

    async def _write(self, call: Call) -> None:
        """Send what is spooled, within the window, until the stream is done."""
        while not self._stream.done:
            self._wake.clear()
            outstanding = self._sent - self.committed
            if self._sent < self._stream.last_sequence and outstanding < max(1, self._limits.window):
                if not outstanding:
                    self._advanced_at = monotonic()
                span = self._spans.begin(self._sent + 1)
                chunk = await asyncio.to_thread(self._prepared, self._sent + 1, span)
                self._sent += 1
                self._sent_at_us[self._sent] = chunk.sent_at_us
                await call.write(pb.StreamFramesRequest(chunk=chunk))
                continue
            left_s = self._commit_timeout_s - (monotonic() - self._advanced_at) if outstanding else None
            try:
                async with asyncio.timeout(left_s):  # wait_for would pass over a cancellation that comes with the event
                    await self._wake.wait()
            except TimeoutError:
                raise SlowChunkError(
                    f"chunk {self.committed + 1} has not been committed for {self._commit_timeout_s:.0f} s"
                ) from None
        await call.done_writing()

    def _prepared(self, sequence: int, span: TraceSpan) -> pb.Chunk:
        """A chunk as it is sent: cells that changed instead of whole grids, where that is smaller."""
        chunk = self._spool.chunk(self._stream, sequence)
        if len(chunk.frames) > self._limits.frames_per_chunk:
            raise RefusedError(
                f"chunk {sequence} has {len(chunk.frames)} frames, the service takes {self._limits.frames_per_chunk}; "
                "raise its limit, and stream with a smaller `chunk_frames` from now on"
            )
        frames = [self._small(frame) for frame in chunk.frames]
        span.set({"raypp.frames": len(frames)})
        sent = pb.Chunk(
            sequence=sequence,
            committed_seen=self.committed,
            frames=frames,
            sent_at_us=now_us(),
            last=chunk.last,
            traceparent=span.traceparent,
        )
        most = self._limits.message_bytes
        if most and sent.ByteSize() > most - _AROUND_CHUNK:
            sent.traceparent = ""  # it is worth no refusal
        if most and sent.ByteSize() > most - _AROUND_CHUNK:
            raise RefusedError(
                f"chunk {sequence} takes {sent.ByteSize()} bytes and the service takes messages of {most}; "
                "raise its limits.bytes_per_frame, and stream with a smaller `chunk_frames` from now on"
            )
        self._progress.bytes += sum(cell_bytes(frame) for frame in frames)
        return sent

    def _small(self, frame: pb.Frame) -> pb.Frame:
        if frame.WhichOneof("cells") != "whole":
            return frame
        grid = self._encoder.grid
        what = f"frame {frame.frame_index}"
        packed = decompress(frame.whole, grid.packed_bytes, what) if frame.compressed else frame.whole
        code = unpack(packed, grid.shape, grid.bits)
        small = self._encoder.shrink(frame, code)
        if cell_bytes(small) > self._limits.bytes_per_frame:
            raise RefusedError(
                f"{what} takes {cell_bytes(small)} bytes and the service takes {self._limits.bytes_per_frame}; "
                "raise its limit"
            )
        return small


def _silence_s(alive_every_s: float) -> float:
    """How long a service that says so often that it is there may be silent."""
    jitter = random.uniform(1, 1 + _JITTER)  # noqa: S311
    return max(_LEAST_SILENCE_S, _SILENCES * alive_every_s) * jitter


async def _cancelled(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _ending(call: Call) -> SiteError:
    """Why a call is over."""
    code = await call.code()
    if code is grpc.StatusCode.OK:
        return ConnectionFailedError("the service ended the stream")
    return meaning(code, await call.details() or "")
