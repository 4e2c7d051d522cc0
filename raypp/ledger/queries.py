"""Episodes, stretches and streams out of their tables."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, true, union_all

from raypp.errors import OptionError
from raypp.ledger.reach import ending_last, reaching_into
from raypp.ledger.tables import EpisodeRow, ModelRow, StreamRow, StretchRow
from raypp.ledger.types import StreamStatus
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch
from raypp.usage.episodes import EpisodeFields, Episodes
from raypp.usage.observation import Observation

_ROWS_AT_A_TIME = 8192
_COLUMNS = (
    EpisodeRow.episode_id,
    EpisodeRow.stream_id,
    EpisodeRow.tool,
    EpisodeRow.station,
    EpisodeRow.start_us,
    EpisodeRow.end_us,
    EpisodeRow.seen_us,
    EpisodeRow.state,
    EpisodeRow.reason,
)
_AFTER = re.compile(r"(-?\d{1,19})-([0-9a-f]{32})")


def read_episodes(connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Episode]:
    """Episodes under some conditions, by start and then id."""
    columns = select(
        EpisodeRow.episode_id,
        EpisodeRow.site,
        StreamRow.camera,
        StreamRow.epoch,
        EpisodeRow.tool,
        EpisodeRow.station,
        EpisodeRow.start_us,
        EpisodeRow.end_us,
        EpisodeRow.seen_us,
        EpisodeRow.state,
        EpisodeRow.reason,
    )
    query = columns.join(StreamRow, StreamRow.stream_id == EpisodeRow.stream_id).where(*conditions)
    rows = connection.execute(query.order_by(EpisodeRow.start_us, EpisodeRow.episode_id).limit(limit))
    return [
        Episode(
            row.episode_id,
            StreamName(row.site, row.camera, row.epoch),
            row.tool,
            row.station,
            row.start_us,
            row.end_us,
            row.seen_us,
            EpisodeState(row.state),
            None if row.reason is None else CloseReason(row.reason),
        )
        for row in rows
    ]


def read_stretches(connection: Connection, *some: ColumnElement[bool]) -> list[Stretch]:
    """Stretches under one of some conditions, which no two share, by camera, epoch and start."""
    columns = select(
        StretchRow.site,
        StreamRow.camera,
        StreamRow.epoch,
        StretchRow.start_us,
        StretchRow.end_us,
        StretchRow.observation,
    ).join(StreamRow, StreamRow.stream_id == StretchRow.stream_id)
    query = union_all(*(columns.where(condition) for condition in some))
    rows = connection.execute(query.order_by("camera", "epoch", "start_us"))
    return [
        Stretch(StreamName(row.site, row.camera, row.epoch), row.start_us, row.end_us, Observation(row.observation))
        for row in rows
    ]


def read_extent(connection: Connection, site: str) -> tuple[int, int] | None:
    """Event time from the first to the last that is known of a site, end exclusive; None where nothing is."""
    starts, ends = [], []
    for table in (EpisodeRow, StretchRow):
        of_site = table.site == site
        # One question for each end: together, no index would answer them.
        starts.append(connection.execute(select(func.min(table.start_us)).where(of_site)).scalar())
        ends.append(_latest_end(connection, table, site))
    first, last = ([moment_us for moment_us in moments_us if moment_us is not None] for moments_us in (starts, ends))
    return (min(first), max(last)) if first and last else None


def read_latest(connection: Connection, site: str, before_us: int) -> int | None:
    """End of the last stretch of a site that began before a moment; None where there is none."""
    return _latest_end(connection, StretchRow, site, StretchRow.start_us < before_us)


def _latest_end(connection: Connection, table: Any, site: str, *some: ColumnElement[bool]) -> int | None:
    begun = select(func.max(table.start_us)).where(table.site == site, *some)
    begun_us = connection.execute(begun).scalar()
    if begun_us is None:
        return None
    queries = (
        select(func.max(table.end_us)).where(condition, *some) for condition in ending_last(table, site, begun_us)
    )
    ends = [connection.execute(query).scalar() for query in queries]
    return max(int(end_us) for end_us in ends if end_us is not None)


def read_streams(connection: Connection, *some: ColumnElement[bool]) -> list[StreamStatus]:
    """Streams under some conditions that have committed a chunk, by site, camera and epoch.

    What their folds remember, which is by far the most of a row, is not read.
    """
    latest = (
        select(StretchRow.end_us)
        .where(StretchRow.stream_id == StreamRow.stream_id)
        .order_by(StretchRow.start_us.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(
            StreamRow.site,
            StreamRow.camera,
            StreamRow.epoch,
            StreamRow.ended_us,
            ModelRow.classes,
            StreamRow.committed,
            StreamRow.frames,
            StreamRow.detections,
            StreamRow.forgotten_frames,
            StreamRow.newest_us,
            latest.label("folded_us"),
            StreamRow.opened_us,
            StreamRow.active_us,
            StreamRow.reaped,
            StreamRow.live,
            StreamRow.clock_offset_us,
            StreamRow.agent_version,
            ModelRow.model_id,
            ModelRow.veil_id,
        )
        .join(ModelRow, ModelRow.model_key == StreamRow.model_key)
        .where(*some, StreamRow.committed > 0)
        .order_by(StreamRow.site, StreamRow.camera, StreamRow.epoch)
    )
    return [
        StreamStatus._make((StreamName(*row[:3]), row[3] is not None, _classes(row[4]), *row[5:]))
        for row in connection.execute(query).all()
    ]


def read_version(connection: Connection, site: str) -> tuple[tuple[object, ...], ...]:
    """Facts on the streams of a site that are others whenever its episodes, stretches or streams have changed."""
    return tuple(row[1:] for row in read_versions(connection, StreamRow.site == site))


def read_versions(connection: Connection, some: ColumnElement[bool]) -> Iterable[Row[Any]]:
    """Give such facts on streams under a condition, each behind the name of its site, by their keys."""
    query = select(
        StreamRow.site,
        StreamRow.stream_id,
        StreamRow.committed,
        StreamRow.rewrites,
        StreamRow.reaped,
        StreamRow.newest_us,
        StreamRow.ended_us,
        StreamRow.model_key,
        StreamRow.live,
    ).where(some, StreamRow.committed > 0)
    return connection.execute(query.order_by(StreamRow.stream_id))


def stream_key(connection: Connection, stream: StreamName) -> int | None:
    """A stream's key in the other tables; None where there is no such stream."""
    return connection.execute(select(StreamRow.stream_id).where(is_stream(stream))).scalar_one_or_none()


def is_stream(stream: StreamName) -> ColumnElement[bool]:
    """The condition for a stream's row."""
    return and_(StreamRow.site == stream.site, StreamRow.camera == stream.camera, StreamRow.epoch == stream.epoch)


def episodes_within(
    connection: Connection,
    site: str,
    from_us: int,
    to_us: int,
    tools: Sequence[str],
    after: str | None,
    limit: int | None = None,
) -> list[Episode]:
    """Up to `limit` of a site's episodes that reach into [from_us, to_us), behind a page's end, by start and then id.

    Raises:
        OptionError: for an `after` that `page_after` did not give.
    """
    more = [behind(after), *([EpisodeRow.tool.in_(tools)] if tools else [])]
    episodes: list[Episode] = []
    for begun in reaching_into(EpisodeRow, site, from_us, to_us):
        left = None if limit is None else limit - len(episodes)
        if left != 0:
            episodes += read_episodes(connection, begun, *more, limit=left)
    return episodes


def read_columns(connection: Connection, site: str, from_us: int, to_us: int, limit: int | None) -> Episodes:
    """Read up to `limit` of a site's episodes that reach into [from_us, to_us) as columns, by start and then id."""
    streams = {
        row.stream_id: StreamName(site, row.camera, row.epoch)
        for row in connection.execute(
            select(StreamRow.stream_id, StreamRow.camera, StreamRow.epoch).where(StreamRow.site == site)
        )
    }
    return Episodes.gathered(read_uses(connection, streams, reaching_into(EpisodeRow, site, from_us, to_us), limit))


def read_uses(
    connection: Connection, streams: dict[int, StreamName], ranges: Sequence[ColumnElement[bool]], limit: int | None
) -> Iterator[list[EpisodeFields]]:
    """Give up to `limit` episodes of streams by their keys under one of some conditions, some rows at a time."""
    for begun in ranges:
        query = select(*_COLUMNS).where(begun).order_by(EpisodeRow.start_us, EpisodeRow.episode_id).limit(limit)
        rows = connection.execute(query.execution_options(yield_per=_ROWS_AT_A_TIME))
        for part in rows.partitions():
            limit = None if limit is None else limit - len(part)
            yield [(name, streams[stream_id], *rest) for name, stream_id, *rest in part]  # type: ignore[misc]
        if limit == 0:
            return


def behind(after: str | None) -> ColumnElement[bool]:
    """The condition for episodes behind a page's end; all of them for None.

    Raises:
        OptionError: for an `after` that `page_after` did not give.
    """
    if not after:
        return true()
    parts = _AFTER.fullmatch(after)
    if parts is None or not -(2**63) <= int(parts[1]) < 2**63:
        raise OptionError("the page token is malformed; use next_page_token of the page before")
    start_us, episode_id = int(parts[1]), parts[2]
    same = and_(EpisodeRow.start_us == start_us, EpisodeRow.episode_id > episode_id)
    # The first alone is what an index can use.
    return and_(EpisodeRow.start_us >= start_us, or_(EpisodeRow.start_us > start_us, same))


@lru_cache(maxsize=256)
def _classes(text: str) -> tuple[str, ...]:
    """Read the classes of a model; its streams are many."""
    return tuple(json.loads(text))
