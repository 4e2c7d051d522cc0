"""A partition of chunks dropped whole: in the same transaction its frames are counted among their streams' forgotten.

The partition takes no more chunks from when its frames are counted, and its streams no commits from when their rows
change. The table itself is locked last, for a moment: whoever reads or writes it is waited for a second at a time.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from raypp.errors import LedgerBusyError, LedgerUnavailableError
from raypp.ledger.chunks import chunks_in
from raypp.ledger.database import translated
from raypp.ledger.moves import hold_sites
from raypp.ledger.partitions import Partition, hold_partitions, list_partitions
from raypp.ledger.store import Ledger
from raypp.ledger.tables import AuditRow, StreamRow
from raypp.ledger.types import stream_label
from raypp.text.wording import counted
from raypp.usage.episode import StreamName

_LOCK_TIMEOUT = "1s"
_PAUSE_S = 0.5
"""Between two tries: those who waited behind the last one have their turn."""
_HOLDERS = """
SELECT coalesce(nullif(application_name, ''), 'a client') || ', process ' || pid FROM pg_locks
JOIN pg_stat_activity USING (pid) WHERE relation IN (to_regclass('chunks'), to_regclass(:name)) AND granted
AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1
"""


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
        wait_s: how long to wait for others.

    Raises:
        SiteMovingError: if a site with frames in it is being moved.
        LedgerUnavailableError: if others read or write it for all that time; then nothing of it has changed.
    """
    database, until = ledger.database, time.monotonic() + wait_s
    with database.write(patient=True) as connection:
        hold_partitions(connection)
        if partition not in list_partitions(connection):
            return Dropped()
        _patiently(ledger, connection, partition, until, _close)
        counts = _counts(connection, partition)
        size = connection.execute(select(text(f"pg_total_relation_size('{partition.name}')"))).scalar_one()
        unready = _patiently(
            ledger, connection, partition, until, lambda held, gone: _drop(ledger, held, gone, edge_us, counts, who)
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


def _close(connection: Connection, partition: Partition) -> tuple[int, ...]:
    """Let nobody write to a partition from now on; streams that go on write to later ones."""
    connection.execute(text(f"LOCK TABLE {partition.name} IN SHARE ROW EXCLUSIVE MODE"))
    return ()


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
        "action": "retain",
        "subject": stream_label(StreamName(stream.site, stream.camera, stream.epoch))[:200],
        "detail": f"to {partition.to_us}: {frames}, {detections}, with partition {partition.name}",
    }


def _patiently(
    ledger: Ledger, connection: Connection, partition: Partition, until: float, work: Any
) -> tuple[int, ...]:
    """Do a part of the transaction, again and again while others hold what it needs."""
    while True:
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
                return tuple(work(connection, partition))
        except DBAPIError as error:
            known = translated(error, ledger.database.shown)
            if not isinstance(known, LedgerBusyError):
                raise
            if time.monotonic() >= until:
                holder = connection.execute(text(_HOLDERS), {"name": partition.name}).scalar()
                raise LedgerUnavailableError(
                    f"partition {partition.name} of ledger {ledger.database.shown} is in use"
                    f"{f' by {holder}' if holder else ''}; nothing of it was dropped: run the same command again later"
                ) from error
        time.sleep(_PAUSE_S)
