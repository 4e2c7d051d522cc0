"""The capture's side of its connection to the agent."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from threading import Event, Lock, RLock, Semaphore, Thread
from time import monotonic

from raypp.edge.capture.clock import ClockState
from raypp.edge.capture.job import Alive, Captured, CaptureReport, Chunk, Taken
from raypp.edge.capture.position import Position

_ALIVE_EVERY_S = 1.0
_LOOK_EVERY_S = 0.25


@dataclass
class _Held:
    """Frames of one view that wait to be sent."""

    frames: list[Captured] = field(default_factory=list)
    position: Position = field(default_factory=Position)
    clock: ClockState | None = None
    begun: float = 0.0


class StopCaptureError(Exception):
    """The agent asked the capture to stop."""


class CaptureReporter:
    """Sends reports, one chunk under way at a time, and ends the process when the agent is gone.

    A chunk is sent when it is due, or when the agent says stop, even while a dead source holds the capturing thread.

    Args:
        connection: to the agent.
        chunk_frames, chunk_s: a chunk is full with so many frames, or so long after its first.

    Attributes:
        waited_s: the longest that a chunk waited for the one before to be taken; whoever reads it sets it back.
    """

    def __init__(self, connection: Connection, chunk_frames: int, chunk_s: float) -> None:
        self.waited_s = 0.0
        self._connection = connection
        self._chunk_frames = chunk_frames
        self._chunk_s = chunk_s
        self._stopping = Event()
        self._room = Semaphore(1)
        self._holding = RLock()  # of the frames held, until they are sent
        self._sending = Lock()
        self._held: dict[int, _Held] = {}
        self._said_alive = 0.0
        Thread(target=self._listen, daemon=True).start()
        Thread(target=self._keep_time, daemon=True).start()

    def tell(self, report: CaptureReport) -> None:
        """Send a report."""
        with self._sending:
            self._connection.send(report)

    def alive(self) -> None:
        """Say that the capture is not stuck, once a second at most; raises StopCaptureError if it is to stop."""
        now = monotonic()
        if now - self._said_alive >= _ALIVE_EVERY_S:
            self._said_alive = now
            self.tell(Alive())
        if self._stopping.is_set():
            raise StopCaptureError

    def sleep(self, seconds: float) -> None:
        """Wait, and stay alive."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._stopping.wait(min(left, _ALIVE_EVERY_S))
            self.alive()
            self.flush_if_due()

    def frame(self, frame: Captured, position: Position, clock: ClockState | None = None, view: int = 0) -> None:
        """Add a frame to its view's chunk, and send the chunk when it is full."""
        with self._holding:
            held = self._held.setdefault(view, _Held())
            if not held.frames:
                held.begun = monotonic()
            held.frames.append(frame)
            held.position, held.clock = position, clock
            if len(held.frames) >= self._chunk_frames:
                self._send(view)
            self.flush_if_due()
        self.alive()

    def flush_if_due(self) -> None:
        """Send chunks that have waited long enough."""
        with self._holding:
            for view, held in self._held.items():
                if held.frames and monotonic() - held.begun >= self._chunk_s:
                    self._send(view)

    def flush(self) -> None:
        """Send the frames held; waits until the chunk before is in the spool."""
        with self._holding:
            for view in self._held:
                self._send(view)

    def _send(self, view: int) -> None:
        held = self._held[view]
        if not held.frames:
            return
        began = monotonic()
        self._room.acquire()
        self.waited_s = max(self.waited_s, monotonic() - began)
        frames, held.frames = tuple(held.frames), []
        self.tell(Chunk(frames, held.position, held.clock, view))

    def _keep_time(self) -> None:
        with suppress(OSError):  # the agent is gone, which `_listen` sees to
            while not self._stopping.wait(_LOOK_EVERY_S):
                self.flush_if_due()
            self.flush()

    def _listen(self) -> None:
        try:
            while True:
                if isinstance(self._connection.recv(), Taken):
                    self._room.release()
                else:
                    self._stopping.set()
        except (EOFError, OSError):
            os._exit(0)  # nobody is left to capture for, and a dead source may hold every other thread
