"""Load for a service: codes of a video, replayed by many streams of many sites, each at the pace of a camera."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import grpc
import grpc.aio

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.bench.replay import Replay
from raypp.errors import RayppError

_IN_FLIGHT = 4
_OPEN_AT_ONCE = 16
_OPEN_S = 120.0


@dataclass(frozen=True)
class LoadTarget:
    """A service, and how streams open there.

    Attributes:
        address: host and port, without TLS.
        tokens: of each site.
        cameras: of a site.
        veil_id: of the codes.
        size: side of the square, in pixels.
    """

    address: str
    tokens: Mapping[str, str]
    cameras: int
    veil_id: str
    size: int

    @property
    def streams(self) -> int:
        """Streams of all sites."""
        return len(self.tokens) * self.cameras


@dataclass
class LoadCount:
    """Counts of what streams did so far.

    Attributes:
        frames: committed.
        chunks: likewise.
        sent_bytes: of messages with frames.
        latencies_s: from a chunk's sending to its commit, by time.
        late_s: how late the latest chunk was sent, seconds after it was due: above a chunk's time, the service lags.
        broken: reasons of streams that ended.
    """

    frames: int = 0
    chunks: int = 0
    sent_bytes: int = 0
    latencies_s: list[float] = field(default_factory=list)
    late_s: float = 0.0
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pace:
    """Pace of streams that send.

    Attributes:
        fps: frames a second of each; 0 for no frames at all.
        chunk_frames: frames of a chunk.
        of: so many streams share one sender: the others are open and send nothing.
    """

    fps: float
    chunk_frames: int
    of: int = 1


class ReplayedStreams:
    """Streams that are open from `open` to `close`, and send at the pace that is set; made and used in an event loop.

    Args:
        target: the service.
        replay: what they send.

    Attributes:
        count: what was done so far.
        replay: what is sent.
        number: streams.
        pace: of each stream.
        changed: is done once another pace has been set.
    """

    def __init__(self, target: LoadTarget, replay: Replay) -> None:
        self.count = LoadCount()
        self._target, self.replay, self.number = target, replay, target.streams
        self.pace = Pace(0, 1)
        self.changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._channels: list[grpc.aio.Channel] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Open all streams; raises RayppError if one cannot be opened."""
        places = asyncio.Semaphore(_OPEN_AT_ONCE)
        waiting = []
        for number, (site, token) in enumerate(self._target.tokens.items()):
            channel = grpc.aio.insecure_channel(self._target.address, options=[("grpc.use_local_subchannel_pool", 1)])
            self._channels.append(channel)
            for camera in range(self._target.cameras):
                opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                name = _Name(site, f"camera-{camera}", token, number * self._target.cameras + camera)
                run = self._run(channel, name, opened, places)
                self._tasks.append(asyncio.create_task(run))
                waiting.append(opened)
        try:
            await asyncio.wait_for(asyncio.gather(*waiting), _OPEN_S)
        except TimeoutError:
            raise RayppError(f"{self.number} streams did not open within {_OPEN_S:.0f} s; measure with fewer") from None

    def set_pace(self, pace: Pace) -> None:
        """Have all streams send at another pace from now on, their chunks spread evenly over its time."""
        changed, self.pace, self.changed = self.changed, pace, asyncio.get_running_loop().create_future()
        changed.set_result(None)

    async def close(self) -> None:
        """Close all streams."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            await channel.close()

    async def _run(
        self,
        channel: grpc.aio.Channel,
        name: "_Name",
        opened: "asyncio.Future[None]",
        places: asyncio.Semaphore,
    ) -> None:
        stub = SitesStub(channel)  # type: ignore[no-untyped-call]
        try:
            async with places:
                call = stub.StreamFrames(metadata=(("authorization", f"Bearer {name.token}"),))
                epoch_us = time.time_ns() // 1000
                await call.write(self._opening(name, epoch_us))
                answer = await call.read()
            if answer is grpc.aio.EOF or answer.WhichOneof("message") != "opened":
                self._broke(opened, f"{name.site}/{name.camera} was answered by {answer} in place of `opened`")
                return
            opened.set_result(None)
            await _Sender(self, call, name.number, epoch_us).run()
        except grpc.aio.AioRpcError as error:
            self._broke(opened, f"{error.code().name}: {error.details()}")
        except RayppError as error:
            self._broke(opened, str(error))

    def _broke(self, opened: "asyncio.Future[None]", reason: str) -> None:
        self.count.broken.append(reason)
        if not opened.done():
            opened.set_exception(RayppError(f"a stream could not be opened: {reason}"))

    def _opening(self, name: "_Name", epoch_us: int) -> pb.StreamFramesRequest:
        return pb.StreamFramesRequest(
            open=pb.Open(
                site=name.site,
                camera=name.camera,
                stream_epoch=epoch_us,
                veil_id=self._target.veil_id,
                width=self.replay.width,
                height=self.replay.height,
                sub_key=0,
                live=True,
                sent_at_us=epoch_us,
                agent_version="bench",
                size=self._target.size,
            )
        )


class _Name(NamedTuple):
    """A stream's names, its token, and its number among all."""

    site: str
    camera: str
    token: str
    number: int


class _Sender:
    """One stream: sends chunks when they are due, and waits where too many are under way."""

    def __init__(self, streams: ReplayedStreams, call: Any, number: int, epoch_us: int) -> None:
        self._streams, self._call, self._replay, self._number = streams, call, streams.replay, number
        self._sent: dict[int, tuple[float, int]] = {}
        self._room = asyncio.Event()
        self._sequence = self._index = self._seen = 0
        self._last_us = epoch_us

    async def run(self) -> None:
        """Send until it is cancelled or the call ends."""
        reading = asyncio.create_task(self._read())
        try:
            while not reading.done():
                await self._send(reading, self._streams.pace, self._streams.changed)
            reading.result()
        finally:
            reading.cancel()

    async def _send(self, reading: "asyncio.Task[None]", pace: Pace, changed: "asyncio.Future[None]") -> None:
        """Send at one pace until that changes or the call ends; a message under way is never cut off."""
        if not pace.fps or self._number % pace.of:
            await asyncio.wait([reading, changed], return_when=asyncio.FIRST_COMPLETED)
            return
        every_s, count = pace.chunk_frames / pace.fps, self._streams.count
        due = time.monotonic() + self._number / self._streams.number * every_s
        while not (reading.done() or changed.done()):
            wait_s = due - time.monotonic()
            if wait_s > 0:
                await asyncio.wait([reading, changed], timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            elif len(self._sent) >= _IN_FLIGHT:
                self._room.clear()
                await self._room.wait()
            else:
                count.late_s, due = -wait_s, due + every_s
                message = self._chunk(pace)
                count.sent_bytes += message.ByteSize()
                self._sent[self._sequence] = time.monotonic(), pace.chunk_frames
                await self._call.write(message)

    def _chunk(self, pace: Pace) -> pb.StreamFramesRequest:
        now_us, step_us = time.time_ns() // 1000, round(1e6 / pace.fps)
        begin = max(self._last_us + 1, now_us - pace.chunk_frames * step_us)
        frames = []
        for _ in range(pace.chunk_frames):
            frames.append(self._replay.frame(self._index, begin))
            self._index, self._last_us, begin = self._index + 1, begin, begin + step_us
        self._sequence += 1
        return pb.StreamFramesRequest(chunk=pb.Chunk(sequence=self._sequence, committed_seen=self._seen, frames=frames))

    async def _read(self) -> None:
        try:
            await self._count()
        finally:
            self._room.set()

    async def _count(self) -> None:
        count = self._streams.count
        while (answer := await self._call.read()) is not grpc.aio.EOF:
            kind = answer.WhichOneof("message")
            if kind == "committed":
                self._seen = max(self._seen, answer.committed.sequence)
                for sequence in [number for number in self._sent if number <= self._seen]:
                    sent_at, frames = self._sent.pop(sequence)
                    count.frames, count.chunks = count.frames + frames, count.chunks + 1
                    count.latencies_s.append(time.monotonic() - sent_at)
                self._room.set()
            elif kind == "moving":
                raise RayppError(f"the service told a stream to move: {answer.moving.reason}")
        raise RayppError("the service ended a stream")
