"""A site's rows copied from one ledger to another, and deleted where they are not needed any more."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from raypp.ledger.database import Database
from raypp.ledger.device_tables import DeviceConfigurationRow, DeviceRow
from raypp.ledger.statements import put
from raypp.ledger.tables import (
    CameraRow,
    ChunkRow,
    EpisodeRow,
    ExposureRow,
    FrameRow,
    JudgedRow,
    ModelRow,
    OpenStreamRow,
    OutboxRow,
    SettingsRow,
    SiteRow,
    StreamRow,
    StretchRow,
    TermRow,
    TokenRow,
    ViolationRow,
)

_OF_STREAMS: tuple[Any, ...] = (TermRow, EpisodeRow, StretchRow, ViolationRow, ExposureRow)
_OF_SITES: tuple[Any, ...] = (CameraRow, JudgedRow, OutboxRow, DeviceRow, DeviceConfigurationRow)
_FRAMES: tuple[tuple[Any, Any], ...] = ((FrameRow, FrameRow.frame_index), (ChunkRow, ChunkRow.sequence))
_ROWS_AT_A_TIME = 500

Fence = Callable[[Connection], object]
"""Raises within a transaction of a ledger unless the caller still is who moves the site."""


class SiteCopy:
    """Copies one site; each call begins where what is there ends.

    Args:
        source: the ledger that has the site.
        target: the ledger that is to have it; the site's row is there.
        site: the site.
        fence: of the target.
    """

    def __init__(self, source: Database, target: Database, site: str, fence: Fence) -> None:
        self._source = source
        self._target = target
        self._site = site
        self._fence = fence

    def copy_frames(self, advance: Callable[[int], object]) -> int:
        """Copy the frames of chunks that are committed by now and not copied yet; return of how many chunks.

        Args:
            advance: is told of how many, time and again.
        """
        total = 0
        with self._source.read() as connection:
            streams = self._streams(connection)
        for row in streams:
            copied = _ROWS_AT_A_TIME
            while copied == _ROWS_AT_A_TIME:
                with self._source.read() as source, self._target.write(patient=True) as target:
                    self._fence(target)
                    copied = _copy_some(source, target, row.stream_id, self._place(source, target, row))
                advance(copied)
                total += copied
        return total

    def copy_rest(self, source: Connection, target: Connection) -> None:
        """Copy all that is not copied yet, of one moment: nothing writes to the site any more.

        Args:
            source: a transaction of the source.
            target: that of the target which makes the site its own.
        """
        kept = []
        for row in self._streams(source):
            stream_id = self._place(source, target, row)
            kept.append(stream_id)
            while _copy_some(source, target, row.stream_id, stream_id):
                pass
            _copy_settings(source, target, row)
            for table in _OF_STREAMS:
                target.execute(delete(table).where(table.stream_id == stream_id))
                rows = source.execute(_streamed(select(table.__table__).where(table.stream_id == row.stream_id)))
                _insert(target, table, _dicts(rows, stream_id=stream_id))
            (values,) = _dicts([row], without="stream_id")
            target.execute(update(StreamRow).where(StreamRow.stream_id == stream_id).values(values))
        delete_streams(target, self._site, kept)
        for table in (*_OF_SITES, TokenRow):
            target.execute(delete(table).where(table.site == self._site))
            some = select(table.__table__).where(table.site == self._site)
            rows = source.execute(_streamed(some.order_by(*table.__table__.primary_key.columns)))
            _insert(target, table, _dicts(rows, without="delivery_id"))
        row = source.execute(select(SiteRow.__table__).where(SiteRow.name == self._site)).one()
        target.execute(update(SiteRow).where(SiteRow.name == self._site).values(**row._asdict()))

    def _streams(self, connection: Connection) -> list[Row[Any]]:
        """List the streams that have committed anything; a try that came to nothing is not worth moving."""
        query = select(StreamRow.__table__).where(StreamRow.site == self._site, StreamRow.committed > 0)
        return list(connection.execute(query.order_by(StreamRow.stream_id)).all())

    def _place(self, source: Connection, target: Connection, row: Row[Any]) -> int:
        """Return the key of a stream in the target; one that is new is as if it had ended before its first chunk."""
        model = source.execute(select(ModelRow.__table__).where(ModelRow.model_key == row.model_key)).one()
        put(target, ModelRow, list(_dicts([model])))
        nothing = {"committed": 0, "ended_us": row.opened_us, "settings_id": None, "fold": None, "reaped": False}
        put(target, StreamRow, list(_dicts([row], without="stream_id", **nothing)))
        name = (StreamRow.site == row.site, StreamRow.camera == row.camera, StreamRow.epoch == row.epoch)
        return int(target.execute(select(StreamRow.stream_id).where(*name)).scalar_one())


def clear_site(connection: Connection, site: str) -> None:
    """Delete what a ledger has of a site but its frames, its tokens and its own row."""
    streams = select(StreamRow.stream_id).where(StreamRow.site == site)
    for table in _OF_STREAMS:
        connection.execute(delete(table).where(table.stream_id.in_(streams)))
    for table in (*_OF_SITES, OpenStreamRow):
        connection.execute(delete(table).where(table.site == site))
    nothing = {"committed": 0, "ended_us": StreamRow.opened_us, "settings_id": None, "fold": None, "reaped": False}
    connection.execute(update(StreamRow).where(StreamRow.site == site).values(nothing))
    connection.execute(update(SiteRow).where(SiteRow.name == site).values(alerts=None))


def clear_frames(database: Database, site: str, fence: Fence) -> None:
    """Delete the frames of a site that `clear_site` has cleared, some at a time, and then its streams."""
    more = True
    while more:
        with database.write(patient=True) as connection:
            fence(connection)
            more = _delete_some(connection, site)
            if not more:
                delete_streams(connection, site, [])


def delete_streams(connection: Connection, site: str, kept: list[int]) -> None:
    """Delete the streams of a site that has no rows of them but frames, except some."""
    query = select(StreamRow.stream_id).where(StreamRow.site == site)
    for stream_id in set(connection.execute(query).scalars()).difference(kept):
        for table in (*(frames for frames, _ in _FRAMES), *_OF_STREAMS, StreamRow):
            connection.execute(delete(table).where(table.stream_id == stream_id))


def _delete_some(connection: Connection, site: str) -> bool:
    """Delete a batch of frames' rows; return whether there was one."""
    for stream_id in connection.execute(select(StreamRow.stream_id).where(StreamRow.site == site)).scalars().all():
        for table, number in _FRAMES:
            of_stream = select(number).where(table.stream_id == stream_id).order_by(number)
            last = connection.execute(of_stream.offset(_ROWS_AT_A_TIME - 1).limit(1)).scalar()
            rows = delete(table).where(table.stream_id == stream_id)
            if connection.execute(rows if last is None else rows.where(number <= last)).rowcount:
                return True
    return False


def _copy_some(source: Connection, target: Connection, source_id: int, target_id: int) -> int:
    """Copy a batch of frames' rows that follow those that are there; return how many it were."""
    for table, number in _FRAMES:
        after = target.execute(select(func.max(number)).where(table.stream_id == target_id)).scalar()
        query = select(table.__table__).where(table.stream_id == source_id)
        if after is not None:
            query = query.where(number > after)
        rows = list(_dicts(source.execute(query.order_by(number).limit(_ROWS_AT_A_TIME)), stream_id=target_id))
        if rows:
            target.execute(insert(table), rows)
            return len(rows)
    return 0


def _copy_settings(source: Connection, target: Connection, row: Row[Any]) -> None:
    """Copy the settings and models that the terms of a stream name, and its row."""
    terms = select(TermRow.settings_id, TermRow.model_key).where(TermRow.stream_id == row.stream_id).distinct()
    names = {(term.settings_id, term.model_key) for term in source.execute(terms)} | {(row.settings_id, row.model_key)}
    settings, models = ({name[number] for name in names} for number in (0, 1))
    for table, key, some in ((SettingsRow, SettingsRow.settings_id, settings), (ModelRow, ModelRow.model_key, models)):
        rows = source.execute(select(table.__table__).where(key.in_(some)))
        put(target, table, list(_dicts(rows)))


def _dicts(rows: Iterable[Row[Any]], without: str = "", **changed: object) -> Iterator[dict[str, Any]]:
    """Give rows as values by column: without one that the target numbers anew, and with others changed."""
    for row in rows:
        yield {name: value for name, value in row._asdict().items() if name != without} | changed


def _insert(connection: Connection, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    while some := list(islice(rows, _ROWS_AT_A_TIME)):
        connection.execute(insert(table), some)


def _streamed(query: Select[Any]) -> Select[Any]:
    return query.execution_options(yield_per=_ROWS_AT_A_TIME)
