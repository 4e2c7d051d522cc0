"""The spool of one camera: its stream epochs, oldest first; bounded, and shared by who captures and who sends."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import Self

from protos import raypp_pb2 as pb
from raypp.edge.capture.position import Position
from raypp.edge.spool.committed_record import CommittedRecord, CommittedStream
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.spool.folder import disk_of, lock_folder, open_streams
from raypp.edge.spool.stream_spool import StreamFacts, StreamSpool
from raypp.errors import SpoolError
from raypp.io.clock import now_us
from raypp.usage.observation import Observation
from raypp.wire.frames import unseen_frame

LEAST_BYTES = 1 << 20
_MOST_SEGMENT_BYTES = 4 << 20
_SEGMENTS = 8
_RETRY_S = 1.0


@dataclass
class _Missing:
    """Frames dropped since the last chunk was written: where the first would have been, and how many."""

    index: int
    timestamp_us: int
    frames: int


class CameraSpool:
    """Uncommitted frames of one camera, on disk; safe for several threads.

    Args:
        folder: the camera's folder in the spool; made if need be. One agent at a time may hold it.
        limit_bytes: bytes that it may take.
        policy: what happens when it is full.

    Attributes:
        dropped: frames dropped since it was opened.
        aside: frames set aside since then, whose times no service takes.
        full: the spool or its disk was full at the last chunk.

    Raises:
        SpoolError: if it is held by another agent, damaged, or cannot be written.
    """

    def __init__(self, folder: Path, limit_bytes: int, policy: DropPolicy) -> None:
        self.folder = folder
        self.dropped = 0
        self.aside = 0
        self.full = False
        self._limit = max(limit_bytes, LEAST_BYTES)
        self._segment_bytes = min(_MOST_SEGMENT_BYTES, self._limit // _SEGMENTS)
        self._policy = policy
        self._changed = Condition()
        self._listeners: list[Callable[[], None]] = []
        self._missing: _Missing | None = None
        self._closed = False
        self._lock_file = lock_folder(folder)
        try:
            self._streams = open_streams(folder)
            self._record = CommittedRecord(folder)
            with disk_of(folder):
                self._record.resume(self._streams)
                self._forget_done()
        except SpoolError:
            os.close(self._lock_file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def current(self) -> StreamSpool | None:
        """The newest epoch, if there is one."""
        with self._changed:
            return self._streams[-1] if self._streams else None

    @property
    def sending(self) -> StreamSpool | None:
        """The oldest epoch that is not done with: what the client sends."""
        with self._changed:
            return next((stream for stream in self._streams if not stream.done), None)

    @property
    def bytes(self) -> int:
        """Bytes that it takes."""
        with self._changed:
            return sum(stream.bytes for stream in self._streams)

    @property
    def pending(self) -> int:
        """Chunks that are not known to be committed, of all epochs."""
        with self._changed:
            return sum(stream.pending for stream in self._streams)

    @property
    def pending_frames(self) -> int:
        """Frames in them."""
        with self._changed:
            return sum(stream.pending_frames for stream in self._streams)

    @property
    def torn(self) -> int:
        """Bytes of torn tails that were cut off when it was opened."""
        return sum(stream.torn for stream in self._streams)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call somebody after each change, in the thread that made it."""
        self._listeners.append(listener)

    def begin(self, facts: StreamFacts, *, anew: bool = False) -> StreamSpool:
        """Return the epoch that frames of these facts go into: the newest one, or one that this begins.

        An epoch that is followed by another one is ended.

        Args:
            facts: what is fixed for the frames; its epoch is the least that a new one may have.
            anew: begin an epoch in any case.

        Raises:
            SpoolError: if it cannot be written.
        """
        with self._changed:
            current = self._streams[-1] if self._streams else None
            if current is not None and not anew and not current.ended and current.facts.same_stream(facts):
                return current
            if current is not None:
                if not current.ended and not self._write(current, [], current.position, last=True):
                    raise SpoolError(f"spool {self.folder}: no space left on its disk; free some")
                facts = facts.model_copy(update={"epoch": max(facts.epoch, current.facts.epoch + 1)})
            try:
                begun = StreamSpool.create(self.folder, facts)
            except OSError as error:
                raise SpoolError(
                    f"spool {self.folder}: {error.strerror}; free its disk or choose another `spool`"
                ) from None
            self._streams.append(begun)
            self._forget_done()
        self._tell()
        return begun

    def append(self, frames: Sequence[pb.Frame], position: Position, waiting: Callable[[], bool]) -> bool:
        """Write the next chunk of the newest epoch; it is on the disk when this returns.

        A full spool, or a full disk, does as the policy says.

        Args:
            frames: at least one, with whole cells.
            position: where the capture stands after them.
            waiting: asked now and then while the spool is full; False gives up.

        Returns:
            False if `waiting` gave up, and nothing was written.

        Raises:
            SpoolError: if the disk fails.
        """
        need = sum(frame.ByteSize() for frame in frames)
        with self._changed:
            while not self._fits(need):
                self.full = True
                if self._policy is DropPolicy.DROP_NEWEST or (
                    self._policy is DropPolicy.DROP_OLDEST and not self._drop_oldest()
                ):
                    self._drop(frames)
                    return True
                if self._policy is DropPolicy.BLOCK:
                    self._changed.wait(_RETRY_S)
                    if self._closed or not waiting():
                        return False
            while not self._write(self._streams[-1], frames, position):
                if self._policy is DropPolicy.DROP_OLDEST and self._drop_oldest():
                    continue
                if self._policy is not DropPolicy.BLOCK:
                    self._drop(frames)
                    return True
                self._changed.wait(_RETRY_S)
                if self._closed or not waiting():
                    return False
            self.full = False
        self._tell()
        return True

    def finish(self, position: Position) -> None:
        """End the newest epoch: its last chunk says so.

        Raises:
            SpoolError: if the disk is full or fails.
        """
        with self._changed:
            current = self._streams[-1] if self._streams else None
            if current is None or current.ended:
                return
            if not self._write(current, [], position.model_copy(update={"finished": True}), last=True):
                raise SpoolError(f"spool {self.folder}: no space left on its disk; free some")
        self._tell()

    def chunk(self, stream: StreamSpool, sequence: int) -> pb.Chunk:
        """Return a chunk; raises SpoolError if it is not held or cannot be read."""
        with self._changed:
            return stream.chunk(sequence)

    def commit(self, stream: StreamSpool, sequence: int) -> None:
        """Delete what the service has made durable of a stream, up to this chunk; raises SpoolError.

        Once the spool is closed it does nothing: another agent may hold it then.
        """
        with self._changed:
            if self._closed:
                return
            with disk_of(self.folder):
                self._record.begin(stream)
                stream.commit(sequence)
                self._record.note([stream] if stream.done else [])
                self._forget_done()
            self._changed.notify_all()
        self._tell()

    def committed_streams(self) -> list[CommittedStream]:
        """All that the service has said is committed, by epoch, and from which chunk on it can be sent again."""
        with self._changed:
            return self._record.all(self._streams)

    def confirm(self) -> None:
        """Let go of streams that had ended before it was opened: the service has been compared with."""
        with self._changed:
            self._record.confirm()
            self._forget_done()

    def send_again(self, epoch: int, committed: int) -> bool:
        """Have sent again what the service has lost of an ended stream behind a chunk; False where not all is held.

        Raises:
            SpoolError: if the disk fails.
        """
        with self._changed:
            stream = next((stream for stream in self._streams if stream.facts.epoch == epoch), None)
            if self._closed or stream is None or not stream.done or committed + 1 < stream.first_sequence:
                return False
            with disk_of(self.folder):
                stream.reopen()
        self._tell()
        return True

    def set_ahead_aside(self, latest_us: int) -> int:
        """Make way for what is captured at the right time: no service takes numbers and times that lie far ahead.

        Followed epochs that begin there are moved to `ahead-*`. Others whose number alone lies there get another one.

        Args:
            latest_us: the last number and time that a service takes.

        Returns:
            Frames that were set aside.

        Raises:
            SpoolError: if the disk fails.
        """
        frames = 0
        with self._changed:
            last = 0
            with disk_of(self.folder):
                for stream in list(self._streams):
                    if stream.done:
                        pass
                    elif stream is not self._streams[-1] and (stream.first_pending_us or 0) > latest_us:
                        frames += stream.pending_frames
                        stream.set_aside()
                        self._streams.remove(stream)
                        continue
                    elif stream.facts.epoch > latest_us and stream.position.last_us <= latest_us:
                        stream.renumber(max(now_us(), last + 1))
                    last = stream.facts.epoch
            self._changed.notify_all()
        self.aside += frames
        return frames

    def close(self) -> None:
        """Let go of it; what waits for room gives up."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            for stream in self._streams:
                stream.close()
        os.close(self._lock_file)

    def _fits(self, need: int) -> bool:
        return sum(stream.bytes for stream in self._streams) + need <= self._limit

    def _drop_oldest(self) -> bool:
        for stream in self._streams:
            try:
                dropped = stream.drop_oldest()
            except OSError:
                return False
            if dropped:
                self.dropped += dropped
                return True
        return False

    def _drop(self, frames: Sequence[pb.Frame]) -> None:
        if self._missing is None:
            self._missing = _Missing(frames[0].frame_index, frames[0].timestamp_us, 0)
        self._missing.frames += len(frames)
        self.dropped += len(frames)

    def _write(
        self, stream: StreamSpool, frames: Sequence[pb.Frame], position: Position, *, last: bool = False
    ) -> bool:
        """Write a chunk, with a word of what was dropped before it; False if the disk is full."""
        missing = self._missing
        gap = [unseen_frame(Observation.DROPPED, missing.index, missing.timestamp_us)] if missing else []
        try:
            stream.append(
                [*gap, *frames],
                position,
                segment_bytes=self._segment_bytes,
                dropped=missing.frames if missing else 0,
                last=last,
            )
        except OSError as error:
            if shutil.disk_usage(self.folder).free < LEAST_BYTES:
                self.full = True
                return False
            raise SpoolError(f"spool {self.folder}: {error.strerror}; see to its disk") from None
        self._missing = None
        return True

    def _forget_done(self) -> None:
        """Delete epochs that are done with; the newest stays, since it says how far its source was read."""
        for stream in [stream for stream in self._streams[:-1] if stream.done and self._record.is_confirmed(stream)]:
            stream.remove()
            self._streams.remove(stream)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
