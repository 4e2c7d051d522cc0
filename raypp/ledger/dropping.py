"""A partition of chunks dropped whole: in the same transaction its frames are counted among their streams' forgotten.

The partition takes no more chunks from when its frames are counted, and its streams no commits from when their rows
change. The table itself is locked last, for a moment: whoever reads or writes it is waited for a second at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, func, insert, select, text, update

from raypp.ledger.chunks import chunks_in
from raypp.ledger.moves import hold_sites
from raypp.ledger.partitions import Partition, hold_partitions, list_partitions
from raypp.ledger.patience import giving_up, patiently
from raypp.ledger.postgres_session import SETTINGS
from raypp.ledger.retention import RETAIN
from raypp.ledger.store import Ledger
from raypp.ledger.tables import AuditRow, StreamRow
from raypp.ledger.types import stream_label
from raypp.text.wording import counted
from raypp.usage.episode import StreamName

_IDLE = SETTINGS["idle_in_transaction_session_timeout"]
"""Frozen, or on a host that is lost, it lets go of commits and readers after this."""


@dataclass(frozen=True)
class Dropped:
    """Outcome of dropping a partition.

    Attributes:
        frames, detections: that were in it.
        bytes: of the partition with its indexes.
        streams: keys of the streams that had any.
        unready: keys of those that are not cut at the edge; where there are any, the partition is still there.
    """

    frames: int = 0
    detections: int = 0
    bytes: int = 0
    streams: frozenset[int] = frozenset()
    unready: tuple[int, ...] = ()


def drop_partition(ledger: Ledger, partition: Partition, edge_us: int, who: str, wait_s: float) -> Dropped:
    """Drop a partition whose streams have been cut at an edge; nothing where it is gone already.

    Args:
        ledger: the ledger.
        partition: one that ends at the edge, or before.
        edge_us: event time.
        who: for the audit log.
        wait_s: how long to wait for others: for writers before its frames are counted, for readers after.

    Raises:
        SiteMovingError: if a site with frames in it is being moved.
        LedgerUnavailableError: if others read or write it for all that time; then nothing of it has changed.
    """
    database, name = ledger.database, partition.name

    waiting = giving_up(
        wait_s,
        f"partition {name} of ledger {database.shown}",
        "nothing of it was dropped: run the same command again later",
    )
    with database.write(patient=True) as connection:
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE}'"))
        hold_partitions(connection)
        if partition not in list_partitions(connection):
            return Dropped()
        tables = ("chunks", name)
        patiently(connection, tables, lambda: _close(connection, partition), waiting)
        counts = _counts(connection, partition)
        size = connection.execute(select(text(f"pg_total_relation_size('{name}')"))).scalar_one()
        unready = patiently(
            connection, tables, lambda: _drop(ledger, connection, partition, edge_us, counts, who), waiting
        )
        if unready:
            return Dropped(unready=unready)
    return Dropped(
        frames=sum(int(row.frames) for row in counts),
        detections=sum(int(row.detections) for row in counts),
        bytes=int(size),
        streams=frozenset(row.stream_id for row in counts),
    )


def _counts(connection: Connection, partition: Partition) -> Sequence[Row[Any]]:
    """Count what each stream has in a partition, and find its latest frame there."""
    rows = chunks_in(partition.name)
    query = select(
        rows.c.stream_id,
        func.sum(rows.c.frames).label("frames"),
        func.sum(rows.c.detections).label("detections"),
        func.max(rows.c.last_us).label("last_us"),
    )
    return connection.execute(query.group_by(rows.c.stream_id).order_by(rows.c.stream_id)).all()


def _close(connection: Connection, partition: Partition) -> None:
    """Let nobody write to a partition from now on; streams that go on write to later ones."""
    connection.execute(text(f"LOCK TABLE {partition.name} IN SHARE ROW EXCLUSIVE MODE"))


def _drop(
    ledger: Ledger, connection: Connection, partition: Partition, edge_us: int, counts: Sequence[Row[Any]], who: str
) -> tuple[int, ...]:
    """Count a partition's frames as forgotten and drop it; or return which streams are not cut at the edge."""
    ids = [row.stream_id for row in counts]
    columns = select(StreamRow.stream_id, StreamRow.site, StreamRow.camera, StreamRow.epoch, StreamRow.floor_us)
    # Before the table: commits lock them in this order.
    held = columns.where(StreamRow.stream_id.in_(ids)).order_by(StreamRow.stream_id).with_for_update()
    streams = {row.stream_id: row for row in connection.execute(held)}
    unready = tuple(
        row.stream_id for row in counts if row.last_us >= edge_us or (streams[row.stream_id].floor_us or 0) < edge_us
    )
    if unready:
        return unready
    hold_sites(connection, {row.site for row in streams.values()})
    if counts:
        _forget(connection, counts)
        entries = [_entry(ledger, partition, streams[row.stream_id], row, who) for row in counts]
        connection.execute(insert(AuditRow), entries)
    connection.execute(text(f"DROP TABLE {partition.name}"))
    return ()


def _forget(connection: Connection, counts: Sequence[Row[Any]]) -> None:
    forgotten = bindparam("forgotten", type_=BigInteger)
    statement = (
        update(StreamRow)
        .where(StreamRow.stream_id == bindparam("of_stream"))
        .values(rewrites=StreamRow.rewrites + 1, forgotten_frames=StreamRow.forgotten_frames + forgotten)
    )
    connection.execute(statement, [{"of_stream": row.stream_id, "forgotten": int(row.frames)} for row in counts])


def _entry(ledger: Ledger, partition: Partition, stream: Any, row: Row[Any], who: str) -> dict[str, object]:
    frames, detections = counted(int(row.frames), "frame"), counted(int(row.detections), "detection")
    return {
        "at_us": ledger.clock(),
        "who": who[:200],
        "action": RETAIN,
        "subject": stream_label(StreamName(stream.site, stream.camera, stream.epoch))[:200],
        "detail": f"to {partition.to_us}: {frames}, {detections}, with partition {partition.name}",
    }
