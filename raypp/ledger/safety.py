"""Violations of zones' rules and exposure in their tables, on an open connection."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, inspect, select, update

from raypp.ledger.statements import put
from raypp.ledger.tables import ExposureRow, StreamRow, ViolationRow
from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.exposures import Exposures
from raypp.usage.violation import Exposure, Violation, ViolationKind
from raypp.usage.violations import Violations

_VIOLATION_CHANGES = ("start_us", "end_us", "seen_us", "sure", "state", "reason", "changed_us")
_DOUBTS = ("too_small_us", "hidden_us", "cut_us", "turned_away_us", "blind_us")
_EXPOSURE_CHANGES = ("worn_us", "not_worn_us", *_DOUBTS)
_ROWS_AT_A_TIME = 8192
_VIOLATION = (
    ViolationRow.violation_id,
    ViolationRow.stream_id,
    ViolationRow.kind,
    ViolationRow.zone,
    ViolationRow.item,
    ViolationRow.track,
    ViolationRow.start_us,
    ViolationRow.end_us,
    ViolationRow.seen_us,
    ViolationRow.sure,
    ViolationRow.state,
    ViolationRow.reason,
)
_EXPOSURE = (
    ExposureRow.stream_id,
    ExposureRow.zone,
    ExposureRow.item,
    ExposureRow.start_us,
    *(getattr(ExposureRow, name) for name in _EXPOSURE_CHANGES),
)


def has_safety(connection: Connection) -> bool:
    """Whether there are tables of violations and exposure; a ledger of an older schema that is only read has none."""
    return inspect(connection).has_table(ExposureRow.__tablename__)


def write_violations(
    connection: Connection, stream_id: int, violations: Iterable[Violation], floor_us: int | None, now_us: int
) -> None:
    """Insert violations, or replace them by their id; of what lies before the floor, nothing is written."""
    kept = {whole.violation_id: whole for violation in violations if (whole := _from(violation, floor_us))}
    rows = [
        {
            "violation_id": violation.violation_id,
            "stream_id": stream_id,
            "site": violation.stream.site,
            "kind": int(violation.kind),
            "zone": violation.zone,
            "item": violation.item,
            "track": violation.track,
            "start_us": violation.start_us,
            "end_us": violation.end_us,
            "seen_us": violation.seen_us,
            "sure": violation.sure,
            "state": int(violation.state),
            "reason": None if violation.reason is None else int(violation.reason),
            "changed_us": now_us,
        }
        for violation in kept.values()
    ]
    put(connection, ViolationRow, rows, _VIOLATION_CHANGES)


def write_exposures(
    connection: Connection, stream_id: int, exposures: Iterable[Exposure], floor_us: int | None
) -> None:
    """Insert exposure, or replace it by its names and start; a row that began before the floor is not written."""
    rows = [
        {
            "stream_id": stream_id,
            "zone": row.zone,
            "item": row.item,
            "start_us": row.start_us,
            "site": row.stream.site,
            "worn_us": row.worn_us,
            "not_worn_us": row.not_worn_us,
            **dict(zip(_DOUBTS, row.doubts_us, strict=True)),
        }
        for row in exposures
        if floor_us is None or row.start_us >= floor_us
    ]
    put(connection, ExposureRow, rows, _EXPOSURE_CHANGES)


def read_violations(connection: Connection, *conditions: ColumnElement[bool]) -> list[Violation]:
    """Violations under some conditions, by start and then id."""
    query = (
        select(*ViolationRow.__table__.columns, StreamRow.camera, StreamRow.epoch)
        .join(StreamRow, StreamRow.stream_id == ViolationRow.stream_id)
        .where(*conditions)
        .order_by(ViolationRow.start_us, ViolationRow.violation_id)
    )
    return [
        Violation(
            row.violation_id,
            StreamName(row.site, row.camera, row.epoch),
            ViolationKind(row.kind),
            row.zone,
            row.item,
            row.track,
            row.start_us,
            row.end_us,
            row.seen_us,
            row.sure,
            EpisodeState(row.state),
            None if row.reason is None else CloseReason(row.reason),
        )
        for row in connection.execute(query)
    ]


def read_exposures(connection: Connection, *conditions: ColumnElement[bool]) -> list[Exposure]:
    """Exposure under some conditions, by stream, start, zone and item."""
    query = (
        select(*ExposureRow.__table__.columns, StreamRow.camera, StreamRow.epoch)
        .join(StreamRow, StreamRow.stream_id == ExposureRow.stream_id)
        .where(*conditions)
        .order_by(StreamRow.camera, StreamRow.epoch, ExposureRow.start_us, ExposureRow.zone, ExposureRow.item)
    )
    return [
        Exposure(
            StreamName(row.site, row.camera, row.epoch),
            row.zone,
            row.item,
            row.start_us,
            row.worn_us,
            row.not_worn_us,
            (row.too_small_us, row.hidden_us, row.cut_us, row.turned_away_us, row.blind_us),
        )
        for row in connection.execute(query)
    ]


def unended(site: str) -> ColumnElement[bool]:
    """The condition for a site's violations that are not final, which an index by stream and state answers."""
    streams = select(StreamRow.stream_id).where(StreamRow.site == site)
    return and_(ViolationRow.stream_id.in_(streams), ViolationRow.state < int(EpisodeState.FINAL))


def violation_columns(
    connection: Connection, site: str, *conditions: ColumnElement[bool], limit: int | None
) -> Violations:
    """Violations of a site as `read_violations` gives them, up to `limit`, as columns."""
    query = (
        select(*_VIOLATION)
        .where(ViolationRow.site == site, *conditions)
        .order_by(ViolationRow.start_us, ViolationRow.violation_id)
    )
    streams = _streams(connection, site)
    return Violations.gathered(
        [(name, streams[stream], *rest) for name, stream, *rest in part]
        for part in _parts(connection, query.limit(limit))
    )


def exposure_columns(connection: Connection, site: str, *conditions: ColumnElement[bool]) -> Exposures:
    """Exposure of a site as `read_exposures` gives it, but by start, as columns."""
    query = (
        select(*_EXPOSURE)
        .join(StreamRow, StreamRow.stream_id == ExposureRow.stream_id)
        .where(ExposureRow.site == site, *conditions)
        .order_by(ExposureRow.start_us, StreamRow.camera, StreamRow.epoch, ExposureRow.zone, ExposureRow.item)
    )
    streams = _streams(connection, site)
    return Exposures.gathered(
        [(streams[stream], *rest) for stream, *rest in part] for part in _parts(connection, query)
    )


def _streams(connection: Connection, site: str) -> dict[int, StreamName]:
    query = select(StreamRow.stream_id, StreamRow.camera, StreamRow.epoch).where(StreamRow.site == site)
    return {row.stream_id: StreamName(site, row.camera, row.epoch) for row in connection.execute(query)}


def _parts(connection: Connection, query: Any) -> Iterator[Sequence[Any]]:
    rows = connection.execute(query.execution_options(yield_per=_ROWS_AT_A_TIME))
    return rows.partitions()


def silence_violations(connection: Connection, streams: Iterable[int], now_us: int) -> None:
    """Close the open violations of silent streams provisionally."""
    connection.execute(
        update(ViolationRow)
        .where(ViolationRow.stream_id.in_(list(streams)), ViolationRow.state == int(EpisodeState.OPEN))
        .values(state=int(EpisodeState.PROVISIONAL), reason=int(CloseReason.SILENT), changed_us=now_us)
    )


def reopen_violations(connection: Connection, stream_id: int, now_us: int) -> None:
    """Open the violations that were closed provisionally: their stream goes on."""
    connection.execute(
        update(ViolationRow)
        .where(ViolationRow.stream_id == stream_id, ViolationRow.state == int(EpisodeState.PROVISIONAL))
        .values(state=int(EpisodeState.OPEN), reason=None, changed_us=now_us)
    )


def clear_safety(connection: Connection, stream_id: int) -> None:
    """Delete all violations and exposure of a stream."""
    for table in (ViolationRow, ExposureRow):
        connection.execute(delete(table).where(table.stream_id == stream_id))


def cut_safety(connection: Connection, stream_id: int, floor_us: int, now_us: int) -> None:
    """Delete what lies before the floor: a violation that reaches over it is cut there, exposure begun before goes."""
    over = read_violations(connection, ViolationRow.stream_id == stream_id, ViolationRow.start_us < floor_us)
    connection.execute(
        delete(ViolationRow).where(ViolationRow.stream_id == stream_id, ViolationRow.start_us < floor_us)
    )
    write_violations(connection, stream_id, over, floor_us, now_us)
    connection.execute(delete(ExposureRow).where(ExposureRow.stream_id == stream_id, ExposureRow.start_us < floor_us))


def _from(violation: Violation, floor_us: int | None) -> Violation | None:
    if floor_us is None or violation.start_us >= floor_us:
        return violation
    if violation.end_us <= floor_us:
        return None
    return replace(violation, start_us=floor_us, seen_us=min(violation.seen_us, violation.end_us - floor_us))
