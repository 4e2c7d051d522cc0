"""Frames in their tables: the one door to them. Each chunk is a row; ledgers of old have rows of frames before these.

Chunks that reach into a range of time are found by an index of when they begin, since few last for more than an hour.
In PostgreSQL they are in partitions by when they begin, see `raypp.ledger.partitions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy import table as named_table

from raypp.ledger.packing import pack_frames, unpack_detections, unpack_frames
from raypp.ledger.prepared import Prepared
from raypp.ledger.tables import DAY_US, HOUR_US, LONG, ChunkRow, FrameRow, StreamRow
from raypp.usage.observation import Observation, SeenFrame

_ROWS_AT_A_TIME, _CHUNKS_AT_A_TIME = 2000, 250
_CHUNK = Prepared(lambda _: insert(ChunkRow).inline(), [column.name for column in ChunkRow.__table__.columns])


@dataclass(frozen=True)
class Span:
    """A range of event time, end exclusive; None: no bound."""

    from_us: int | None = None
    to_us: int | None = None

    def holds(self, frame: SeenFrame) -> bool:
        """Whether a frame lies in it."""
        begun = self.from_us is None or frame.timestamp_us >= self.from_us
        return begun and (self.to_us is None or frame.timestamp_us < self.to_us)


@dataclass(frozen=True)
class PackedChunk:
    """A chunk's frames as its row holds them.

    Attributes:
        first_us, last_us: the least and the greatest of their times.
        frames, detections: how many.
        packed: see `raypp.ledger.packing`.
    """

    first_us: int
    last_us: int
    frames: int
    detections: int
    packed: bytes

    @classmethod
    def of(cls, frames: Sequence[SeenFrame]) -> "PackedChunk | None":
        """Pack frames; None where there are none. Raises LedgerError for what cannot be kept as it is."""
        if not frames:
            return None
        times = [frame.timestamp_us for frame in frames]
        detections = sum(len(frame.detections) for frame in frames)
        return cls(min(times), max(times), len(frames), detections, pack_frames(frames))


def write_chunk(connection: Connection, stream_id: int, sequence: int, chunk: PackedChunk | None) -> None:
    """Insert a chunk's frames."""
    if chunk is not None:
        _CHUNK.run(connection, {"stream_id": stream_id, "sequence": sequence, **vars(chunk)})


def read_frames(
    connection: Connection, stream_id: int, after: tuple[int, int] = (0, -1), up_to: int | None = None
) -> list[tuple[int, SeenFrame]]:
    """Some of a stream's frames, each with the number of its chunk, in order; none where there are no more.

    Args:
        connection: where to look.
        stream_id: the stream's key.
        after: number of the chunk and frame_index of the last frame that was read before.
        up_to: number of the last chunk to read; None: all.
    """
    sequence, index = after
    rows = select(
        FrameRow.sequence, FrameRow.frame_index, FrameRow.timestamp_us, FrameRow.observation, FrameRow.detections
    ).where(FrameRow.stream_id == stream_id, FrameRow.frame_index > index)
    chunks = select(ChunkRow.sequence, ChunkRow.packed, ChunkRow.frames).where(
        ChunkRow.stream_id == stream_id, ChunkRow.sequence > sequence
    )
    if up_to is not None:
        rows, chunks = rows.where(FrameRow.sequence <= up_to), chunks.where(ChunkRow.sequence <= up_to)
    old = [
        (
            row.sequence,
            SeenFrame(
                row.frame_index, row.timestamp_us, Observation(row.observation), unpack_detections(row.detections)
            ),
        )
        for row in connection.execute(rows.order_by(FrameRow.frame_index).limit(_ROWS_AT_A_TIME))
    ]
    return old or [
        (row.sequence, frame)
        for row in connection.execute(chunks.order_by(ChunkRow.sequence).limit(_CHUNKS_AT_A_TIME))
        for frame in unpack_frames(row.packed, row.frames)
    ]


def count_frames(
    connection: Connection, stream_id: int, span: Span, parts: Sequence[str] | None = None
) -> tuple[int, int]:
    """Count a stream's frames in a range of time, and their detections.

    Args:
        connection: where to look.
        stream_id: the stream's key.
        span: the range.
        parts: names of the partitions whose chunks count where all of them is in the range; None: of all.
    """
    frames = detections = 0
    for query in (
        select(func.count(), func.sum(FrameRow.count)).where(_rows(stream_id, span)),
        *(
            select(func.sum(rows.c.frames), func.sum(rows.c.detections)).where(_whole_chunks(rows, stream_id, span))
            for rows in _tables(parts)
        ),
    ):
        more_frames, more_detections = connection.execute(query).one()
        frames, detections = frames + int(more_frames or 0), detections + int(more_detections or 0)
    for row in _cut_chunks(connection, stream_id, span):
        inside = [frame for frame in unpack_frames(row.packed, row.frames) if span.holds(frame)]
        frames, detections = frames + len(inside), detections + sum(len(frame.detections) for frame in inside)
    return frames, detections


def count_frames_of_chunks(connection: Connection, stream_id: int, first: int, before: int | None) -> int:
    """Count the frames of a stream's chunks from a number on, up to another, exclusive; None: to the last."""
    total = 0
    for counted, table in ((func.count(), FrameRow), (func.sum(ChunkRow.frames), ChunkRow)):
        query = select(counted).where(table.stream_id == stream_id, table.sequence >= first)
        if before is not None:
            query = query.where(table.sequence < before)
        total += int(connection.execute(query).scalar_one() or 0)
    return total


def has_frames_outside(connection: Connection, stream_id: int, span: Span) -> bool:
    """Whether a stream has frames that do not lie in a range of time."""
    for table, begun_us in ((FrameRow, FrameRow.timestamp_us), (ChunkRow, ChunkRow.first_us)):
        outside = [begun_us < span.from_us] if span.from_us is not None else []
        outside += [begun_us >= span.to_us] if span.to_us is not None else []
        for condition in outside:
            query = select(table.sequence).where(table.stream_id == stream_id, condition).limit(1)
            if connection.execute(query).first() is not None:
                return True
    return bool(_cut_chunks(connection, stream_id, span))


def times_of(connection: Connection, stream_id: int) -> tuple[int, int] | None:
    """Event time of a stream's earliest and of its latest frame; None where it has none."""
    of_rows, of_chunks = FrameRow.stream_id == stream_id, ChunkRow.stream_id == stream_id
    firsts = [
        connection.execute(select(func.min(FrameRow.timestamp_us)).where(of_rows)).scalar(),
        connection.execute(select(func.min(ChunkRow.first_us)).where(of_chunks)).scalar(),
    ]
    begun_us = connection.execute(select(func.max(ChunkRow.first_us)).where(of_chunks)).scalar()
    lasts = [
        connection.execute(select(func.max(FrameRow.timestamp_us)).where(of_rows)).scalar(),
        *(
            connection.execute(select(func.max(ChunkRow.last_us)).where(of_chunks, late)).scalar()
            for late in (ChunkRow.first_us >= (begun_us or 0) - HOUR_US, literal_column(LONG))
        ),
    ]
    known = [moment_us for moment_us in firsts if moment_us is not None]
    return (min(known), max(moment_us for moment_us in lasts if moment_us is not None)) if known else None


def delete_frames(connection: Connection, stream_id: int, span: Span, parts: Sequence[str] | None = None) -> int:
    """Delete a stream's frames in a range of time; return how many. A chunk that reaches over its ends is cut.

    Args:
        connection: of the transaction.
        stream_id: the stream's key.
        span: the range.
        parts: as for `count_frames`: what lies in other partitions stays.
    """
    deleted = int(connection.execute(delete(FrameRow).where(_rows(stream_id, span))).rowcount)
    for row in _cut_chunks(connection, stream_id, span):
        left = PackedChunk.of([frame for frame in unpack_frames(row.packed, row.frames) if not span.holds(frame)])
        if left is not None and left.frames < row.frames:
            of_chunk = and_(ChunkRow.stream_id == stream_id, ChunkRow.sequence == row.sequence)
            connection.execute(update(ChunkRow).where(of_chunk).values(**vars(left)))
            deleted += row.frames - left.frames
    for rows in _tables(parts):
        whole = _whole_chunks(rows, stream_id, span)
        deleted += int(connection.execute(select(func.sum(rows.c.frames)).where(whole)).scalar() or 0)
        connection.execute(delete(rows).where(whole))
    return deleted


def days_of_chunks(connection: Connection, site: str) -> list[int]:
    """List a moment of each day, in UTC, in which a chunk of a site begins."""
    query = select(func.min(ChunkRow.first_us)).join(StreamRow, StreamRow.stream_id == ChunkRow.stream_id)
    return list(connection.execute(query.where(StreamRow.site == site).group_by(ChunkRow.first_us // DAY_US)).scalars())


def has_frames_before(connection: Connection, stream_id: int, to_us: int) -> bool:
    """Whether a stream has frames that are earlier than a time."""
    return any(
        connection.execute(select(rows.sequence).where(rows.stream_id == stream_id, begun_us < to_us).limit(1)).first()
        for rows, begun_us in ((FrameRow, FrameRow.timestamp_us), (ChunkRow, ChunkRow.first_us))
    )


def chunks_in(partition: str) -> Any:
    """Return a partition of the table of chunks as a table of its own, by its name."""
    columns = ChunkRow.__table__.columns
    return named_table(partition, *(column(each.name, each.type) for each in columns))


def _tables(parts: Sequence[str] | None) -> list[Any]:
    """Return the table of chunks, or partitions of it as tables."""
    return [ChunkRow.__table__] if parts is None else [chunks_in(name) for name in parts]


def _rows(stream_id: int, span: Span) -> ColumnElement[bool]:
    """The condition for rows of frames in a range of time."""
    begun = FrameRow.timestamp_us >= span.from_us if span.from_us is not None else true()
    ended = FrameRow.timestamp_us < span.to_us if span.to_us is not None else true()
    return and_(FrameRow.stream_id == stream_id, begun, ended)


def _whole_chunks(rows: Any, stream_id: int, span: Span) -> ColumnElement[bool]:
    """The condition for chunks of a table all of whose frames lie in a range of time."""
    begun = rows.c.first_us >= span.from_us if span.from_us is not None else true()
    ended = and_(rows.c.first_us < span.to_us, rows.c.last_us < span.to_us) if span.to_us is not None else true()
    return and_(rows.c.stream_id == stream_id, begun, ended)


def _cut_chunks(connection: Connection, stream_id: int, span: Span) -> list[Row[Any]]:
    """Chunks with frames on both sides of an end of a range of time."""
    columns = select(ChunkRow.sequence, ChunkRow.frames, ChunkRow.packed)
    cut: dict[int, Row[Any]] = {}
    for edge_us in (span.from_us, span.to_us):
        if edge_us is None:
            continue
        over = and_(ChunkRow.stream_id == stream_id, ChunkRow.first_us < edge_us, ChunkRow.last_us >= edge_us)
        for begun in (
            ChunkRow.first_us >= edge_us - HOUR_US,
            and_(ChunkRow.first_us < edge_us - HOUR_US, literal_column(LONG)),
        ):
            cut |= {row.sequence: row for row in connection.execute(columns.where(over, begun))}
    return list(cut.values())
