"""A stream's kept frames, read row by row: each is decoded, counted, and held against its row."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, select

from raypp.errors import LedgerError
from raypp.ledger.database import Database
from raypp.ledger.packing import unpack_detections, unpack_frames
from raypp.ledger.tables import ChunkRow, FrameRow, TermRow
from raypp.text.wording import counted
from raypp.usage.observation import Observation, SeenFrame

_CHUNKS_AT_A_TIME, _ROWS_AT_A_TIME = 250, 2000
_MOST_NAMED = 10


class KeptFrames:
    """The kept frames of a stream up to the chunk that its row says is committed.

    Args:
        row: of the table of streams.

    Attributes:
        chunks, frames, detections: that are kept.
        problems: a line on each.
    """

    def __init__(self, row: Row[Any]) -> None:
        self.chunks = self.frames = self.detections = 0
        self.problems: list[str] = []
        self._row = row
        self._last_index = -1
        self._newest_us: int | None = None
        self._sequences: set[int] = set()

    def read(self, database: Database, advance: Callable[[int], object]) -> None:
        """Read all of them, some in a transaction; `advance` is told how many frames were read."""
        self._read_old_rows(database, advance)
        self._read_chunks(database, advance)
        with database.read() as connection:
            of_stream = TermRow.stream_id == self._row.stream_id
            first = select(TermRow.from_sequence).where(of_stream).order_by(TermRow.from_sequence).limit(1)
            begins = connection.execute(first).scalar()
        if self._sequences and (begins is None or begins > min(self._sequences)):
            self.problems.append(f"no settings and model are kept for chunk {min(self._sequences)}")
        self._hold_against_row()

    def _read_old_rows(self, database: Database, advance: Callable[[int], object]) -> None:
        while True:
            query = select(*FrameRow.__table__.columns, FrameRow.count.label("number")).where(
                FrameRow.stream_id == self._row.stream_id,
                FrameRow.frame_index > self._last_index,
                FrameRow.sequence <= self._row.committed,
            )
            with database.read() as connection:
                rows = connection.execute(query.order_by(FrameRow.frame_index).limit(_ROWS_AT_A_TIME)).all()
            if not rows:
                return
            for row in rows:
                self._take_old_row(row)
            advance(len(rows))

    def _take_old_row(self, row: Any) -> None:
        try:
            seen = Observation(row.observation)
            frame = SeenFrame(row.frame_index, row.timestamp_us, seen, unpack_detections(row.detections))
        except (LedgerError, ValueError) as error:
            self.problems.append(f"frame {row.frame_index}: {error}")
            self._last_index = row.frame_index
            return
        if len(frame.detections) != row.number:
            self.problems.append(
                f"frame {row.frame_index}: it has {len(frame.detections)} detections, and its row says {row.number}"
            )
        self._take([frame], row.sequence)

    def _read_chunks(self, database: Database, advance: Callable[[int], object]) -> None:
        sequence = 0
        while True:
            query = select(*ChunkRow.__table__.columns).where(
                ChunkRow.stream_id == self._row.stream_id,
                ChunkRow.sequence > sequence,
                ChunkRow.sequence <= self._row.committed,
            )
            with database.read() as connection:
                rows = connection.execute(query.order_by(ChunkRow.sequence).limit(_CHUNKS_AT_A_TIME)).all()
            if not rows:
                return
            for row in rows:
                self._take_chunk(row)
            sequence = rows[-1].sequence
            advance(sum(row.frames for row in rows))

    def _take_chunk(self, row: Row[Any]) -> None:
        self.chunks += 1
        try:
            frames = unpack_frames(row.packed, row.frames)
        except LedgerError as error:
            self.problems.append(f"chunk {row.sequence}: {error}")
            self.frames += row.frames
            self.detections += row.detections
            self._sequences.add(row.sequence)
            return
        times = [frame.timestamp_us for frame in frames]
        held = (sum(len(frame.detections) for frame in frames), min(times), max(times))
        if held != (row.detections, row.first_us, row.last_us):
            self.problems.append(
                f"chunk {row.sequence}: detections, first and last time are {held}, and its row says "
                f"{(row.detections, row.first_us, row.last_us)}"
            )
        self._take(frames, row.sequence)

    def _take(self, frames: list[SeenFrame], sequence: int) -> None:
        for frame in frames:
            if frame.frame_index <= self._last_index:
                self.problems.append(
                    f"chunk {sequence}: frame {frame.frame_index} comes after {self._last_index}, so it is there twice"
                )
            self._last_index = max(self._last_index, frame.frame_index)
            newest_us = self._newest_us
            self._newest_us = frame.timestamp_us if newest_us is None else max(newest_us, frame.timestamp_us)
        self.frames += len(frames)
        self.detections += sum(len(frame.detections) for frame in frames)
        self._sequences.add(sequence)

    def _hold_against_row(self) -> None:
        """Hold counts and ends against the stream's row, as far as nothing was forgotten."""
        row = self._row
        missing = row.frames - row.forgotten_frames - self.frames
        if missing > 0:
            self.problems.append(
                f"{counted(missing, 'frame')} of {row.frames:,} committed are missing{self._without()}"
            )
        if missing < 0:
            self.problems.append(f"{counted(-missing, 'frame')} more are kept than were committed and not forgotten")
        if row.forgotten_frames or missing:
            return
        for what, named, held in (
            ("detections", row.detections, self.detections),
            ("latest frame", row.last_frame, self._last_index),
            ("newest time", row.newest_us, self._newest_us),
        ):
            if named != held:
                self.problems.append(f"the stream's row says {what} {named}, and its frames {held}")

    def _without(self) -> str:
        """Name the chunks that have no row; those without frames have none, either."""
        if self._row.forgotten_frames:
            return ""
        named = []
        for sequence in range(1, self._row.committed + 1):
            if sequence not in self._sequences:
                named.append(str(sequence))
            if len(named) > _MOST_NAMED:
                named[-1] = "..."
                break
        return f" (chunks without any: {', '.join(named)})" if named else ""
