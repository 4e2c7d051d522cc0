"""The spool of one stream epoch: its chunks from the first that is not committed to the last that was captured."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from protos import raypp_pb2 as pb
from raypp.edge.capture.position import Position
from raypp.edge.spool.segment_file import SUFFIX, ChunkHead, SegmentFile, SegmentHead
from raypp.errors import SpoolError
from raypp.io.private import FOLDER_MODE, write_private
from raypp.usage.observation import Observation
from raypp.veil.spec import VeilSpec
from raypp.wire.frames import unseen_frame
from raypp.wire.grid import CellGrid

FACTS_FILE = "stream.json"
_DONE = "done"


class StreamFacts(BaseModel):
    """Facts that stay the same for a whole stream epoch.

    Attributes:
        site, camera: names.
        epoch: when the spool was made, microseconds since 1970.
        veil_id, spec, size, sub_key: how its frames are veiled.
        width, height: the source's frames, after rotation, in pixels.
        live: timestamps are of the site's clock.
        begun_at: where the capture stood when the epoch began.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    camera: str
    epoch: int
    veil_id: str
    spec: VeilSpec
    size: int
    sub_key: int
    width: int
    height: int
    live: bool
    begun_at: Position = Position()

    @property
    def grid(self) -> CellGrid:
        """Shape of its frames' codes."""
        return CellGrid.of(self.spec, self.size, self.width, self.height)

    def same_stream(self, other: "StreamFacts") -> bool:
        """Whether frames of another set of facts may go on in this epoch."""
        fixed = {"epoch": 0, "begun_at": Position()}
        return self.model_copy(update=fixed) == other.model_copy(update=fixed)


class StreamSpool:
    """Chunks of one epoch on disk. Not for several threads at once: `CameraSpool` sees to that.

    Attributes:
        folder: where it lies.
        facts: what is fixed for it.
        done: it has ended, and all of it is committed.
        committed: number of the last chunk that the service is known to have made durable; 0 before it has said so.
    """

    def __init__(self, folder: Path, facts: StreamFacts, segments: list[SegmentFile], *, done: bool) -> None:
        self.folder = folder
        self.facts = facts
        self.done = done
        self.committed = 0
        self._segments = segments

    @classmethod
    def create(cls, parent: Path, facts: StreamFacts) -> Self:
        """Begin an epoch; raises OSError."""
        folder = parent / f"{facts.epoch:020d}"
        folder.mkdir(mode=FOLDER_MODE)
        first = SegmentFile.create(folder, SegmentHead(first_sequence=1, position=facts.begun_at))
        write_private(folder / FACTS_FILE, facts.model_dump_json(indent=1).encode())
        return cls(folder, facts, [first], done=False)

    @classmethod
    def open(cls, folder: Path) -> "StreamSpool | None":
        """Open an epoch; None if it was being made when the agent was killed.

        Raises:
            SpoolError: if it is damaged; the text names the file.
        """
        try:
            facts = StreamFacts.model_validate_json((folder / FACTS_FILE).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            raise SpoolError(
                f"spool {folder}: {FACTS_FILE} cannot be read; move the folder away to begin a new stream"
            ) from None
        for part in (*folder.glob(".*.tmp"), *folder.glob("*.part")):  # the latter of older agents
            part.unlink()
        segments = [SegmentFile.open(path) for path in sorted(folder.glob("*" + SUFFIX))]
        if not segments:
            raise SpoolError(f"spool {folder} holds no chunks' file; move the folder away to begin a new stream")
        return cls(folder, facts, segments, done=(folder / _DONE).exists())

    @property
    def first_sequence(self) -> int:
        """Number of the first chunk held; one more than the last if none is."""
        return self._segments[0].head.first_sequence

    @property
    def last_sequence(self) -> int:
        """Number of the last chunk written; 0 before the first."""
        segment = self._segments[-1]
        return segment.places[-1].head.sequence if segment.places else segment.head.first_sequence - 1

    @property
    def position(self) -> Position:
        """Where the capture stood after the last chunk."""
        segment = self._segments[-1]
        return segment.places[-1].head.position if segment.places else segment.head.position

    @property
    def ended(self) -> bool:
        """Whether the last chunk ends the stream."""
        segment = self._segments[-1]
        return bool(segment.places) and segment.places[-1].head.last

    @property
    def pending(self) -> int:
        """Chunks held that are not known to be committed."""
        return 0 if self.done else self.last_sequence - max(self.committed, self.first_sequence - 1)

    @property
    def first_us(self) -> int:
        """Time of its first frame; 0 where the chunk that held it is deleted, or not captured yet."""
        places = self._segments[0].places
        return places[0].head.first_us if places and places[0].head.sequence == 1 else 0

    @property
    def committed_us(self) -> int:
        """Time of the last frame of the chunks that `known_committed` counts, as far as it is known; 0 without any."""
        first = self._segments[0].head.position.last_us
        return max(0, self.position.last_us if self.done else first)

    @property
    def known_committed(self) -> int:
        """Number of the last chunk that the service has said is durable, as far as the spool shows it."""
        return self.last_sequence if self.done else max(self.committed, self.first_sequence - 1)

    @property
    def first_pending_us(self) -> int | None:
        """Time of the first chunk that is not known to be committed; None without one."""
        if not self.pending:
            return None
        for segment in self._segments:
            for place in segment.places:
                if place.head.sequence > self.committed:
                    return place.head.first_us
        return None

    @property
    def pending_frames(self) -> int:
        """Frames that the camera gave in those chunks."""
        if self.done:
            return 0
        frames = sum(segment.frames for segment in self._segments)
        return frames - sum(
            place.head.frames for place in self._segments[0].places if place.head.sequence <= self.committed
        )

    @property
    def bytes(self) -> int:
        """Bytes that it takes."""
        return sum(segment.bytes for segment in self._segments)

    @property
    def dropped(self) -> int:
        """Frames that were dropped, among the chunks still held."""
        return sum(place.head.dropped for segment in self._segments for place in segment.places)

    @property
    def torn(self) -> int:
        """Bytes of torn tails that were cut off when it was opened."""
        return sum(segment.torn for segment in self._segments)

    def append(
        self,
        frames: Sequence[pb.Frame],
        position: Position,
        *,
        segment_bytes: int,
        dropped: int = 0,
        last: bool = False,
    ) -> None:
        """Write the next chunk to the disk.

        Args:
            frames: its frames; none only where `last` is set.
            position: where the capture stands after it.
            segment_bytes: a file longer than this is left for a new one.
            dropped: frames dropped before it.
            last: end the stream.

        Raises:
            OSError: if it cannot be written; nothing has changed.
        """
        sequence = self.last_sequence + 1
        if self._segments[-1].bytes >= segment_bytes:
            self._roll(sequence)
        head = ChunkHead(
            sequence=sequence,
            frames=sum(frame.observation != pb.OBSERVATION_DROPPED for frame in frames),
            dropped=dropped,
            first_index=frames[0].frame_index if frames else position.last_index + 1,
            first_us=frames[0].timestamp_us if frames else max(0, position.last_us),
            position=position,
            last=last,
        )
        body = pb.Chunk(sequence=sequence, frames=frames, last=last).SerializeToString()
        self._segments[-1].append(head, body)

    def chunk(self, sequence: int) -> pb.Chunk:
        """Return a chunk that is held.

        What a disk has lost in the middle is given as one dropped frame, so that the stream goes on and its coverage
        is honest.

        Raises:
            SpoolError: if no such chunk is held, or it cannot be read.
        """
        for segment in reversed(self._segments):
            at = sequence - segment.head.first_sequence
            if at >= 0 and sequence <= self.last_sequence:
                if at >= len(segment.places):
                    return _lost(segment, sequence)
                return pb.Chunk.FromString(segment.read(segment.places[at]))
        raise SpoolError(
            f"spool {self.folder} holds chunks {self.first_sequence} to {self.last_sequence}, not {sequence}"
        )

    def commit(self, sequence: int) -> None:
        """Delete what the service has made durable: all chunks up to this one."""
        self.committed = max(self.committed, sequence)
        while len(self._segments) > 1 and self._segments[1].head.first_sequence <= sequence + 1:
            gone = self._segments.pop(0)
            gone.close()
            gone.path.unlink(missing_ok=True)
        if self.ended and sequence >= self.last_sequence and not self.done:
            write_private(self.folder / _DONE, b"")
            self.done = True

    def reopen(self) -> None:
        """Let chunks be sent again that the service has lost. Raises OSError."""
        (self.folder / _DONE).unlink(missing_ok=True)
        self.done = False
        self.committed = self.first_sequence - 1

    def drop_oldest(self) -> int:
        """Replace the frames of the oldest file that has any by one dropped frame per chunk; returns frames dropped.

        Numbers stay as they are, so the service sees a stream without a gap.

        Raises:
            OSError: if the disk fails.
        """
        for at, segment in enumerate(self._segments):
            if not any(place.head.frames for place in segment.places):
                continue
            if segment is self._segments[-1]:
                if self.ended:
                    return 0
                self._roll(self.last_sequence + 1)
            chunks = [_without_frames(place.head) for place in segment.places]
            segment.close()
            self._segments[at] = SegmentFile.create(self.folder, segment.head, chunks)
            return sum(head.dropped for head, _ in chunks) - sum(place.head.dropped for place in segment.places)
        return 0

    def renumber(self, epoch: int) -> None:
        """Give it another number; only one that no service has seen may have another. Raises OSError."""
        facts = self.facts.model_copy(update={"epoch": epoch})
        write_private(self.folder / FACTS_FILE, facts.model_dump_json(indent=1).encode())
        self.facts = facts

    def set_aside(self) -> Path:
        """Move it to where it is not read again, for a person to look at; raises OSError."""
        self.close()
        return self.folder.rename(self.folder.with_name(f"ahead-{self.folder.name}"))

    def close(self) -> None:
        """Let go of its files."""
        for segment in self._segments:
            segment.close()

    def remove(self) -> None:
        """Delete it."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _roll(self, first_sequence: int) -> None:
        head = SegmentHead(first_sequence=first_sequence, position=self.position)
        self._segments[-1].close()
        self._segments.append(SegmentFile.create(self.folder, head))


def _lost(segment: SegmentFile, sequence: int) -> pb.Chunk:
    """A chunk in place of one that cannot be read any more."""
    position = segment.places[-1].head.position if segment.places else segment.head.position
    lost = sequence - segment.head.first_sequence - len(segment.places) + 1
    frame = unseen_frame(Observation.DROPPED, position.last_index + lost, max(0, position.last_us) + lost)
    return pb.Chunk(sequence=sequence, frames=[frame])


def _without_frames(head: ChunkHead) -> tuple[ChunkHead, bytes]:
    """A chunk's head and bytes with its frames dropped."""
    bare = head.model_copy(update={"frames": 0, "dropped": head.dropped + head.frames})
    frames = [unseen_frame(Observation.DROPPED, head.first_index, head.first_us)] if bare.dropped else []
    return bare, pb.Chunk(sequence=head.sequence, frames=frames, last=head.last).SerializeToString()
