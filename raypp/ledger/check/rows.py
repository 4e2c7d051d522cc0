"""Rows beside those of streams checked: what they name is there, and says what can be."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, true

from raypp.errors import SettingsError
from raypp.ledger.database import Database
from raypp.ledger.delivery import DeliveryState
from raypp.ledger.device_tables import DeviceConfigurationRow, DeviceRow
from raypp.ledger.sites import list_sites, present_settings
from raypp.ledger.tables import (
    CameraRow,
    ChunkRow,
    EpisodeRow,
    ExposureRow,
    FrameRow,
    JudgedRow,
    ModelRow,
    OutboxRow,
    SettingsRow,
    SiteRow,
    StreamRow,
    StretchRow,
    TermRow,
    TokenRow,
    ViolationRow,
)
from raypp.text.wording import counted
from raypp.usage.alert_rules import AlertKind
from raypp.usage.settings import SiteSettings

_OF_STREAMS: tuple[Any, ...] = (EpisodeRow, StretchRow, ViolationRow, ExposureRow)
_BARE: tuple[Any, ...] = (ChunkRow, FrameRow, TermRow)
_OF_SITES: tuple[Any, ...] = (
    *(StreamRow, CameraRow, TokenRow, OutboxRow, JudgedRow, DeviceRow, DeviceConfigurationRow),
)
_MOST_LINES = 100


def check_rows(database: Database, site: str | None) -> Iterator[str]:
    """Tell what is wrong with rows that no stream's own check looks at.

    Args:
        database: of the ledger.
        site: only of this site, and what all share; None: of all.
    """
    for check in (_file, _strays, _take_overs, _outbox, _shared):
        with database.read() as connection:  # one moment each: streams may go on
            lines = list(check(connection, site))
        yield from lines[:_MOST_LINES]
        if len(lines) > _MOST_LINES:
            yield f"and {counted(len(lines) - _MOST_LINES, 'problem')} more of this kind"


def _file(connection: Connection, _site: str | None) -> Iterator[str]:
    """Have SQLite check its own file, indexes and keys; PostgreSQL checks keys as it writes."""
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check").all():
        if line != "ok":
            yield f"the file: {line}"
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        yield f"row {row} of {table} names a row of {parent} that is not there"


def _strays(connection: Connection, site: str | None) -> Iterator[str]:
    for table in (*_OF_STREAMS, *_BARE):
        has_site = table in _OF_STREAMS
        unlike: ColumnElement[bool] = table.site != StreamRow.site if has_site else false()
        query = (
            select(table.stream_id, func.count())
            .outerjoin(StreamRow, StreamRow.stream_id == table.stream_id)
            .where(or_(StreamRow.stream_id.is_(None), unlike), _of(table, site) if has_site else true())
            .group_by(table.stream_id)
        )
        for stream_id, count in connection.execute(query):
            yield f"{counted(count, 'row')} of {table.__tablename__} name stream {stream_id}: their site has none"
    for table in _OF_SITES:
        query = (
            select(table.site, func.count())
            .outerjoin(SiteRow, SiteRow.name == table.site)
            .where(SiteRow.name.is_(None), table.site.is_not(None), _of(table, site))
            .group_by(table.site)
        )
        for name, count in connection.execute(query):
            yield f"{counted(count, 'row')} of {table.__tablename__} name site {name}, which is not registered"


def _take_overs(connection: Connection, site: str | None) -> Iterator[str]:
    """Check that of a camera's streams that have committed, the one of the highest epoch alone may go on."""
    latest = func.max(StreamRow.epoch).label("latest")
    going_on = func.count().filter(StreamRow.ended_us.is_(None)).label("going_on")
    of_camera = and_(CameraRow.site == StreamRow.site, CameraRow.camera == StreamRow.camera)
    query = (
        select(StreamRow.site, StreamRow.camera, CameraRow.latest_epoch, latest, going_on)
        .outerjoin(CameraRow, of_camera)
        .where(StreamRow.committed > 0, _of(StreamRow, site))
        .group_by(StreamRow.site, StreamRow.camera, CameraRow.latest_epoch)
    )
    for row in connection.execute(query):
        camera = f"{row.site}/{row.camera}"
        if row.latest_epoch != row.latest:
            yield f"{camera}: its latest epoch is {row.latest}, and the table of cameras says {row.latest_epoch}"
        if row.going_on > 1:
            yield f"{camera}: {row.going_on} of its streams go on, and a later epoch ends those before"


def _outbox(connection: Connection, site: str | None) -> Iterator[str]:
    known = {kind.value for kind in AlertKind}
    waiting, done = int(DeliveryState.WAITING), [int(DeliveryState.SENT), int(DeliveryState.DEAD)]
    query = select(*OutboxRow.__table__.columns).where(_of(OutboxRow, site))
    for row in connection.execute(query.execution_options(yield_per=1000)):
        what = f"alert {row.alert_id} by {row.channel}"
        if row.state != waiting and row.state not in done:
            yield f"{what}: state {row.state} is none"
        elif (row.state == waiting) != (row.done_us is None):
            yield f"{what}: it {'waits' if row.state == waiting else 'is done'}, and done_us is {row.done_us}"
        if row.kind not in known:
            yield f"{what}: kind {row.kind} is none of this raypp"
        if row.tries < 0 or row.due_us < row.raised_us:
            yield f"{what}: {row.tries} tries, due at {row.due_us}, raised at {row.raised_us}"
        try:
            json.loads(row.content)
        except ValueError:
            yield f"{what}: its content is no JSON"


def _shared(connection: Connection, site: str | None) -> Iterator[str]:
    """Check settings and models, which streams of all sites share, and the present settings of sites."""
    for row in connection.execute(select(SettingsRow.settings_id, SettingsRow.document)):
        yield from _settings(row)
    for model in connection.execute(select(ModelRow.model_key, ModelRow.classes, ModelRow.reliabilities)):
        try:
            lists = [json.loads(text) for text in (model.classes, model.reliabilities or "[]")]
        except ValueError:
            lists = [None]
        if not all(isinstance(some, list) for some in lists):
            yield f"model {model.model_key[:12]}: its classes are no list"
    for name in [site] if site is not None else [known.name for known in list_sites(connection)]:
        try:
            present_settings(connection, name)
        except SettingsError as error:
            yield " ".join(str(error).split())


def _settings(row: Any) -> Iterator[str]:
    what = f"settings {row.settings_id[:12]}"
    try:
        settings_id = SiteSettings.parse(row.document, what).settings_id
    except SettingsError as error:
        yield " ".join(str(error).split())
        return
    if settings_id != row.settings_id:
        yield f"{what}: their content is of {settings_id[:12]}"


def _of(table: Any, site: str | None) -> ColumnElement[bool]:
    return true() if site is None else table.site == site
