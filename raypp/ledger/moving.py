"""A stream moved on by a chunk, in one statement: it changes a row only where all is as the chunk says."""

from functools import partial
from itertools import pairwise
from typing import Any

from sqlalchemy import BigInteger, Connection, Executable, LargeBinary, bindparam, case, func, update

from raypp.ledger.prepared import Prepared
from raypp.ledger.tables import StreamRow
from raypp.ledger.types import Commit
from raypp.usage.episode import CloseReason

_ANY_FRAME = 2**62


def move_on(connection: Connection, chunk: Commit, fold: bytes, now_us: int) -> tuple[int, bool, int | None] | None:
    """Move a stream on by a chunk, if it stands just before it and all is as the chunk says; else change nothing.

    Args:
        connection: of the transaction.
        chunk: the chunk.
        fold: its state, packed.
        now_us: processing time.

    Returns:
        The stream's key, whether it is reaped, and its floor; None where it was not moved: the row says why.
    """
    indices = [frame.frame_index for frame in chunk.frames]
    named = {episode.stream for episode in chunk.changes.episodes}
    named |= {stretch.stream for stretch in chunk.changes.stretches}
    if any(after <= before for before, after in pairwise(indices)) or not named <= {chunk.stream}:
        return None
    values = {
        "site": chunk.stream.site,
        "camera": chunk.stream.camera,
        "epoch": chunk.stream.epoch,
        "before": chunk.sequence - 1,
        "held": chunk.lease,
        "first": indices[0] if indices else _ANY_FRAME,
        "settings": chunk.settings_id,
        "sequence": chunk.sequence,
        "state": fold,
        "last": indices[-1] if indices else None,
        "newest": max((frame.timestamp_us for frame in chunk.frames), default=None),
        "more_frames": len(indices),
        "more_detections": sum(len(frame.detections) for frame in chunk.frames),
        "now": now_us,
        "why": int(CloseReason.END_OF_STREAM),
    }
    row = (_LAST_MOVE if chunk.last else _MOVE).run(connection, values).one_or_none()
    return None if row is None else (row.stream_id, bool(row.reaped), row.floor_us)


def _move(last: bool, _dialect: str) -> Executable:
    # Only by the last chunk: SQLite writes all indexes anew that tell of a column that is set, be its value the same.
    ended: dict[str, Any] = {"ended_us": bindparam("now"), "end_reason": bindparam("why")} if last else {}
    newest = bindparam("newest", type_=BigInteger)
    return (
        update(StreamRow)
        .where(
            StreamRow.site == bindparam("site"),
            StreamRow.camera == bindparam("camera"),
            StreamRow.epoch == bindparam("epoch"),
            StreamRow.committed == bindparam("before"),
            StreamRow.lease == bindparam("held"),
            StreamRow.ended_us.is_(None),
            StreamRow.last_frame < bindparam("first"),
            StreamRow.settings_id == bindparam("settings"),
        )
        .values(
            committed=bindparam("sequence"),
            fold=bindparam("state", type_=LargeBinary),
            last_frame=func.coalesce(bindparam("last", type_=BigInteger), StreamRow.last_frame),
            newest_us=case(
                (StreamRow.newest_us >= newest, StreamRow.newest_us), else_=func.coalesce(newest, StreamRow.newest_us)
            ),
            frames=StreamRow.frames + bindparam("more_frames"),
            detections=StreamRow.detections + bindparam("more_detections"),
            active_us=bindparam("now"),
            **ended,
        )
        .returning(StreamRow.stream_id, StreamRow.reaped, StreamRow.floor_us)
    )


_MOVE, _LAST_MOVE = Prepared(partial(_move, False)), Prepared(partial(_move, True))
