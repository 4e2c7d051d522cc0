"""The record of what the service said is committed of a camera; it outlives what the spool deletes."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.edge.spool.stream_spool import StreamSpool
from raypp.errors import SpoolError
from raypp.io.private import write_private

RECORD_FILE = "committed.json"
_MOST_STREAMS = 1000
"""The latest ones are kept: no back-up is so old that it lacks more."""


class CommittedStream(BaseModel):
    """A stream epoch, as far as the service said that it is committed.

    Attributes:
        epoch: the stream.
        sequence: chunks 1 to this one; 0: it has not ended yet, and the spool itself knows.
        held_from: first chunk that the spool held when the stream ended.
        first_us, last_us: times of the first and last frame, microseconds since 1970; 0: not known.
        live: whether it is a live camera's.
        source: the last recording of it; empty for a live camera.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int
    sequence: int = 0
    held_from: int = 0
    first_us: int = 0
    last_us: int = 0
    live: bool = False
    source: str = ""

    @property
    def deleted(self) -> "CommittedStream":
        """The same, once the spool holds nothing of it."""
        return self.model_copy(update={"held_from": self.sequence + 1})


class _Content(BaseModel):
    schema_version: int = 1
    streams: tuple[CommittedStream, ...] = ()


class CommittedRecord:
    """The record of one camera; written by who holds its spool.

    Args:
        folder: the camera's folder in the spool.

    Raises:
        SpoolError: if it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._streams = {stream.epoch: stream for stream in read_record(folder)}
        self._unconfirmed: set[int] = set()

    def begin(self, stream: StreamSpool) -> None:
        """Record when a stream began, before its first chunk is deleted; raises OSError."""
        if stream.facts.epoch not in self._streams:
            self._put(CommittedStream(epoch=stream.facts.epoch, first_us=stream.first_us))

    def resume(self, held: Iterable[StreamSpool]) -> None:
        """Record streams that had ended when the spool was opened; they are kept until the service confirms them."""
        ended = [stream for stream in held if stream.done]
        self._unconfirmed = {stream.facts.epoch for stream in ended}
        self.note(ended)

    def is_confirmed(self, stream: StreamSpool) -> bool:
        """Whether a stream that has ended may be deleted."""
        return stream.facts.epoch not in self._unconfirmed

    def confirm(self) -> None:
        """The service was compared with, or cannot be: what has ended need not be kept."""
        self._unconfirmed.clear()

    def note(self, ended: Iterable[StreamSpool]) -> None:
        """Record streams that are committed to their end, durably; raises OSError."""
        for stream in ended:
            self._put(self._committed(stream))

    def all(self, held: Iterable[StreamSpool]) -> list[CommittedStream]:
        """All that the service has said is committed, by epoch.

        Args:
            held: streams that the spool still has; of others nothing can be sent again.
        """
        here = {stream.facts.epoch: self._committed(stream) for stream in held}
        streams = {epoch: stream.deleted for epoch, stream in self._streams.items()} | here
        return [streams[epoch] for epoch in sorted(streams) if streams[epoch].sequence]

    def _committed(self, stream: StreamSpool) -> CommittedStream:
        recorded = self._streams.get(stream.facts.epoch)
        return CommittedStream(
            epoch=stream.facts.epoch,
            sequence=stream.known_committed,
            held_from=stream.first_sequence,
            first_us=recorded.first_us if recorded else stream.first_us,
            last_us=stream.committed_us,
            live=stream.facts.live,
            source=stream.position.source,
        )

    def _put(self, stream: CommittedStream) -> None:
        if self._streams.get(stream.epoch) == stream:
            return
        self._streams[stream.epoch] = stream
        self._streams = {epoch: self._streams[epoch] for epoch in sorted(self._streams)[-_MOST_STREAMS:]}
        content = _Content(streams=tuple(self._streams.values()))
        write_private(self._folder / RECORD_FILE, (content.model_dump_json(indent=1) + "\n").encode())


def read_record(folder: Path) -> tuple[CommittedStream, ...]:
    """Read the record of a camera's folder, by epoch; empty where there is none.

    Raises:
        SpoolError: if it is damaged; the text names the file.
    """
    path = folder / RECORD_FILE
    try:
        return _Content.model_validate_json(path.read_bytes()).streams
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError):
        raise SpoolError(
            f"{path} cannot be read; move it away: what it says is committed is compared with the service no more"
        ) from None
