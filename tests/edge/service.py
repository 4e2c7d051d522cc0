"""A real gRPC service of the contract over a ledger in memory, that fails as it is told."""

import asyncio
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Self

import grpc
import grpc.aio
import numpy as np

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesServicer, add_SitesServicer_to_server
from raypp.errors import WireError
from raypp.veil.spec import PatchSpec, VeilSpec
from raypp.wire.frames import MOST_AHEAD_US, CellDecoder, cell_bytes, check_clock
from raypp.wire.grid import CellGrid
from raypp.wire.messages import check_chunk, check_open

TOKEN = "a-token-of-the-tests"


@dataclass
class Stream:
    """The ledger's content of one stream epoch."""

    opened: pb.Open
    committed: int = 0
    ended: bool = False
    frames: list[tuple[int, int, int]] = field(default_factory=list)
    codes: dict[int, np.ndarray] = field(default_factory=dict)
    whole: int = 0
    changes: int = 0
    bytes: int = 0
    chunks: list[int] = field(default_factory=list)


@dataclass
class Faults:
    """Faults to inject: chances for each chunk, what is refused, and for how long calls wait before they are read.

    An older service says no times of its own.
    """

    reset_before: float = 0.0
    reset_after: float = 0.0
    moving: float = 0.0
    slow_s: float = 0.0
    late_s: float = 0.0
    older: bool = False
    refuse: tuple[grpc.StatusCode, str] | None = None
    hold: bool = False
    silent: bool = False
    several: bool = False
    seed: int = 0


class Service(SitesServicer):
    """Keeps what it is sent; run it with `with`."""

    def __init__(self, veil_id: str, spec: VeilSpec | None = None, size: int = 640, window: int = 4) -> None:
        self.spec = spec or PatchSpec()
        self.model = pb.Model(
            model_id="0" * 64, veil_id=veil_id, spec_json=self.spec.canonical().decode(), size=size, classes=["hammer"]
        )
        self.limits = pb.Limits(frames_per_chunk=16, bytes_per_frame=1 << 20, window=window, streams_per_site=8)
        self.faults = Faults()
        self.streams: dict[tuple[str, str, int], Stream] = {}
        self.connections = 0
        self.most_outstanding = 0
        self.alive_every_ms = 0
        self.clock_ahead_us = 0
        self._random = random.Random(0)
        self._loop = asyncio.new_event_loop()
        self._server: grpc.aio.Server | None = None
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def up(self) -> None:
        async def start() -> None:
            self._server = grpc.aio.server()
            add_SitesServicer_to_server(self, self._server)
            self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
            await self._server.start()

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(30)

    def down(self) -> None:
        async def stop() -> None:
            if self._server is not None:
                await self._server.stop(None)
                self._server = None

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(30)

    def of(self, camera: str) -> list[Stream]:
        """Streams of a camera, by epoch."""
        return [stream for (_, name, _), stream in sorted(self.streams.items()) if name == camera]

    async def DescribeModel(self, request, context):  # noqa: N802
        await self._check(context)
        await asyncio.sleep(self.faults.late_s)
        if not request.veil_id and self.faults.several:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "several veils are served; name one")
        if request.veil_id not in ("", self.model.veil_id):
            says = f"veil {request.veil_id} is not served here; this service reads {self.model.veil_id}"
            await context.abort(grpc.StatusCode.NOT_FOUND, says)
        return pb.DescribeModelResponse(
            model=self.model, limits=self.limits, service_version="0.0-test", service_time_us=self._clock_us()
        )

    def _clock_us(self) -> int:
        return _now_us() + self.clock_ahead_us

    async def StreamFrames(self, requests, context):  # noqa: N802
        await self._check(context)
        self.connections += 1
        if self.faults.refuse:
            await context.abort(*self.faults.refuse)
        await asyncio.sleep(self.faults.late_s)
        opened = (await anext(requests)).open
        received_us = self._clock_us()
        await self._or_abort(context, check_open, opened)
        if opened.veil_id != self.model.veil_id:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"veil {opened.veil_id}, not {self.model.veil_id}")
        if opened.stream_epoch > _now_us() + MOST_AHEAD_US:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the epoch is out of range; set the site's clock")
        key = opened.site, opened.camera, opened.stream_epoch
        newest = max((epoch for site, camera, epoch in self.streams if (site, camera) == key[:2]), default=0)
        if opened.stream_epoch < newest:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "old epoch")
        stream = self.streams.setdefault(key, Stream(opened))
        yield pb.StreamFramesResponse(opened=self._opened(stream, opened.sent_at_us, received_us))
        decoder = CellDecoder(CellGrid.of(self.spec, self.model.size, opened.width, opened.height))
        async for request in requests:
            chunk, received_us = request.chunk, self._clock_us()
            if self._random.random() < self.faults.reset_before:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "a fault of the tests")
            while self.faults.hold:
                await asyncio.sleep(0.02)
                if self.alive_every_ms and not self.faults.silent:
                    yield pb.StreamFramesResponse(alive=pb.Alive())
            if self.faults.slow_s:
                await asyncio.sleep(self.faults.slow_s)
            await self._or_abort(context, self._take, stream, chunk, decoder)
            if self._random.random() < self.faults.reset_after:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "a fault of the tests, after the commit")
            yield pb.StreamFramesResponse(committed=self._committed(chunk, received_us))
            if self._random.random() < self.faults.moving:
                yield pb.StreamFramesResponse(moving=pb.Moving(reason="a test"))
                return

    def _opened(self, stream: Stream, sent_us: int, received_us: int) -> pb.Opened:
        answer = pb.Opened(
            resume_after=stream.committed, model=self.model, limits=self.limits, alive_every_ms=self.alive_every_ms
        )
        if self.faults.older:
            answer.clock_offset_us = received_us - sent_us
        else:
            answer.received_at_us, answer.sent_at_us = received_us, self._clock_us()
        return answer

    def _take(self, stream: Stream, chunk: pb.Chunk, decoder: CellDecoder) -> None:
        check_chunk(chunk, self.limits)
        self.most_outstanding = max(self.most_outstanding, chunk.sequence - chunk.committed_seen)
        if stream.opened.live:
            check_clock(chunk.frames, _now_us())
        codes = [(frame, decoder.decode(frame)) for frame in chunk.frames]
        if chunk.sequence <= stream.committed:
            return
        if chunk.sequence != stream.committed + 1 or stream.ended:
            raise WireError(f"chunk {chunk.sequence} out of turn after {stream.committed}")
        for frame, code in codes:
            stream.frames.append((frame.frame_index, frame.timestamp_us, frame.observation))
            stream.whole += frame.WhichOneof("cells") == "whole"
            stream.changes += frame.WhichOneof("cells") == "change"
            stream.bytes += cell_bytes(frame)
            if code is not None:
                stream.codes[frame.frame_index] = code
        stream.committed = chunk.sequence
        stream.chunks.append(len(chunk.frames))
        stream.ended = chunk.last

    def _committed(self, chunk: pb.Chunk, received_us: int) -> pb.Committed:
        rows = [
            pb.FrameDetections(
                frame_index=frame.frame_index,
                timestamp_us=frame.timestamp_us,
                detections=[pb.Detection(class_id=0, confidence=0.5, x1=0.1, y1=0.1, x2=0.2, y2=0.2)],
            )
            for frame in chunk.frames
        ]
        committed = pb.Committed(sequence=chunk.sequence, frames=rows)
        if not self.faults.older:
            committed.received_at_us, committed.sent_at_us = received_us, self._clock_us()
        return committed

    async def _check(self, context) -> None:
        carried = dict(context.invocation_metadata())
        if carried.get("authorization") != f"Bearer {TOKEN}" or carried.get("application") != "raypp":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "unknown token")

    async def _or_abort(self, context, work, *given) -> None:
        try:
            work(*given)
        except WireError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def _now_us() -> int:
    return time.time_ns() // 1000


def wait_until(true, seconds: float = 60.0) -> None:
    """Wait until something holds; fails otherwise."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.02)
