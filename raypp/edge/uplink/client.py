"""Sends one camera's spool to the service for as long as the agent runs."""

import asyncio
from collections.abc import Callable
from time import monotonic

import grpc.aio

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.edge.capture.clock import JUMP_US
from raypp.edge.log import Log
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.stream_spool import StreamSpool
from raypp.edge.uplink.connection import ServiceConnection
from raypp.edge.uplink.faults import (
    BusyError,
    ConnectionFailedError,
    MovingError,
    PuzzlingError,
    RefusedError,
    SlowChunkError,
)
from raypp.edge.uplink.model_query import describe_model
from raypp.edge.uplink.retry import RetryPolicy, UplinkBackoff
from raypp.edge.uplink.session import SendProgress, Session
from raypp.errors import SiteError, SpoolError, WireError
from raypp.io.clock import now_us
from raypp.io.log_record import LogFormat, LoggedStream, log_format
from raypp.io.tracing import SpanKind
from raypp.wire.clock_offset import ClockOffset
from raypp.wire.spans import STREAM_FRAMES, about, begin_call

CLOCK_ALARM_US = 2_000_000
_SAY_AGAIN_S = 60.0
_MOST_AHEAD_US = (24 * 3600 + 120) * 1_000_000
"""No service takes frames later than this: a day ahead, and two minutes for the clocks' difference."""
_MOST_PATIENCE = 16
"""A chunk that is sent anew begins anew at the service: it may take longer each time, up to so many times as long."""
_MOST_PUZZLES = 6
"""So many failures in a row that tell nothing are no accident: the service cannot take the stream."""


def clock_says(offset: ClockOffset) -> str:
    """Say how far a site's clock is off, and how far that is known: "7.0 s behind the service's (+/- 0.1 s)"."""
    way = "behind" if offset.offset_us > 0 else "ahead of"
    return f"{abs(offset.offset_us) / 1e6:.1f} s {way} the service's (+/- {offset.error_us / 1e6:.1f} s)"


class StreamClient:
    """Streams what a camera's spool holds: connects when there is something to send, and again whenever it fails.

    Args:
        spool: the camera's spool.
        connection: how to reach the service.
        policy: when to try again.
        log: takes one line for the operator.
        on_episode: told of each episode that the service reports.

    Attributes:
        progress: what it has done.
        refused: why the service will not take the stream, while it will not.
        needs_a_person: it is refused by the service's own words, so trying again alone will not help.
    """

    def __init__(
        self,
        spool: CameraSpool,
        connection: ServiceConnection,
        policy: RetryPolicy,
        log: Log,
        on_episode: Callable[[pb.Episode], None] = lambda _: None,
    ) -> None:
        self.progress = SendProgress()
        self.refused: str | None = None
        self.needs_a_person = False
        self._spool = spool
        self._connection = connection
        self._log = log
        self._on_episode = on_episode
        self._backoff = UplinkBackoff(policy)
        self._changed = asyncio.Event()
        self._session: Session | None = None
        self._loop = asyncio.get_running_loop()
        self._said = ("", 0.0)
        self._puzzles = 0
        self._patience = 1
        self._warned_of_clock = False
        self._opened_epoch = 0
        spool.listen(self._on_change)

    @property
    def is_up_to_date(self) -> bool:
        """Whether all that is spooled is known to be committed."""
        stream = self._spool.sending
        return stream is None or stream.pending == 0

    @property
    def has_to_send(self) -> bool:
        """Whether waiting a little may see more committed."""
        return self.refused is None and not self.is_up_to_date

    async def run(self) -> None:
        """Stream for ever; cancel it to stop."""
        while True:
            stream = await self._something_to_send()
            wait_s = 0.0
            try:
                await self._connect(stream)
                self._went_well()
            except MovingError as error:
                self._log(f"connects anew: {error}")
                if self._session is None or not self._session.moved_on:
                    wait_s = self._backoff.fault_s()
            except RefusedError as error:
                if await self._has_made_way(stream):
                    continue
                wait_s = self._backoff.refusal_s()
                self._say(f"refused: {error}", wait_s)
                self.refused = str(error)
                self.needs_a_person = True
            except BusyError as error:
                wait_s = self._backoff.busy_s()
                self._say(str(error), wait_s)
            except (ConnectionFailedError, SpoolError, WireError, SiteError) as error:
                wait_s = self._backoff.fault_s()
                self._puzzles = self._puzzles + 1 if isinstance(error, PuzzlingError) else 0
                if isinstance(error, SlowChunkError):
                    self._patience = min(2 * self._patience, _MOST_PATIENCE)
                if self._puzzles >= _MOST_PUZZLES:
                    wait_s = self._backoff.refusal_s()
                    self.refused = f"the service has failed {self._puzzles} times in a row ({error}); see its log"
                    self._say(f"refused: {self.refused}", wait_s)
                elif self._session is None or not (self._session.is_idle and self.is_up_to_date):
                    self._say(str(error), wait_s)
            finally:
                self._session = None
            await asyncio.sleep(wait_s)

    async def _connect(self, stream: StreamSpool) -> None:
        async with self._connection.channel() as channel:
            stub = SitesStub(channel)  # type: ignore[no-untyped-call]
            facts = stream.facts
            attributes = about(LoggedStream(facts.site, facts.camera, facts.epoch))
            with begin_call(STREAM_FRAMES, SpanKind.CLIENT, attributes=attributes):
                call = stub.StreamFrames(metadata=self._connection.metadata())
                self._session = Session(
                    self._spool,
                    stream,
                    self.progress,
                    self._opened,
                    self._went_well,
                    self._on_episode,
                    patience=self._patience,
                )
                try:
                    await self._session.run(call)
                except grpc.aio.UsageError:
                    raise ConnectionFailedError("the connection was lost") from None
                finally:
                    call.cancel()

    async def _has_made_way(self, stream: StreamSpool) -> bool:
        """Whether a refused stream lay far ahead of both clocks, by a clock that was wrong, and is out of the way.

        The site's clock alone is not believed in this: it may be the one that is wrong now.
        """
        latest_us = now_us() + _MOST_AHEAD_US
        if not stream.facts.live or max(stream.facts.epoch, stream.first_pending_us or 0) <= latest_us:
            return False
        try:
            described = await describe_model(self._connection, stream.facts.veil_id)
        except (SiteError, grpc.aio.AioRpcError):
            return False
        if described.clock is None or abs(described.clock.offset_us) > JUMP_US:
            return False
        before = stream.facts.epoch
        frames = await asyncio.to_thread(self._spool.set_ahead_aside, latest_us)
        if frames:
            self._log(
                f"{frames} frames, stamped by a wrong clock more than a day ahead, are set aside in "
                f"{self._spool.folder}/ahead-*: no service takes them; the stream of the right time goes on"
            )
        return bool(frames) or stream.facts.epoch != before

    def _opened(self) -> None:
        """Look at the clock and, for a log of JSON, say the first time that a stream is open: the line has its id."""
        sending = self._spool.sending
        if log_format() is LogFormat.JSON and sending is not None and sending.facts.epoch != self._opened_epoch:
            self._opened_epoch = sending.facts.epoch
            self._log("the service has opened the stream")
        self._look_at_clock()

    def _look_at_clock(self) -> None:
        """Warn once of a clock that is off by more than any delay explains, and again only after it was right."""
        offset = self.progress.clock.best
        if offset is None:
            return
        if abs(offset.certain_us) > CLOCK_ALARM_US and not self._warned_of_clock:
            self._warned_of_clock = True
            self._log(f"the site's clock is {clock_says(offset)}; see to time synchronisation")
        elif not offset.certain_us:
            self._warned_of_clock = False

    async def _something_to_send(self) -> StreamSpool:
        while True:
            self._changed.clear()
            stream = self._spool.sending
            if stream is not None and stream.pending:
                return stream
            await self._changed.wait()

    def _on_change(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._changed.set()
        if self._session is not None:
            self._session.wake()

    def _went_well(self) -> None:
        """Something was committed: say that the trouble is over, if there was any."""
        self._look_at_clock()
        self._backoff.reset()
        self._puzzles = 0
        self._patience = 1
        self.refused = None
        self.needs_a_person = False
        if self._said[0]:
            self._log("connected again")
            self._said = ("", 0.0)

    def _say(self, text: str, wait_s: float) -> None:
        """Log a trouble when it is new, and once a minute while it lasts."""
        last, at = self._said
        if text != last or monotonic() - at >= _SAY_AGAIN_S:
            waiting = self._spool.pending_frames
            self._log(f"{text}; {waiting} frames wait in the spool, tried again in {wait_s:.1f} s")
            self._said = (text, monotonic())
