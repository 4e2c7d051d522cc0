"""Statements that change the ledger: episodes, stretches, audit entries, on an open connection."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, Executable, Table, insert, text, update
from sqlalchemy.dialects import postgresql, sqlite

from raypp.ledger.prepared import Prepared
from raypp.ledger.tables import OPEN, AuditRow, Base, EpisodeRow, StretchRow
from raypp.usage.episode import Episode, EpisodeState, Stretch

_EPISODE_CHANGES = ("start_us", "end_us", "seen_us", "state", "reason", "changed_us")
_EPISODE_GROWTH = ("end_us", "seen_us", "changed_us")
_EPISODE_END = (*_EPISODE_GROWTH, "state", "reason")
_STARTS_ALIKE = "episodes.start_us = excluded.start_us"
_GROWS = f"episodes.{OPEN} AND {_STARTS_ALIKE}"
_OPEN = int(EpisodeState.OPEN)
_STRETCH_CHANGES = ("end_us", "observation")
_LONGEST = 200


def write_episodes(
    connection: Connection, stream_id: int, episodes: Iterable[Episode], floor_us: int | None, now_us: int
) -> None:
    """Insert episodes, or replace them by their id; of what lies before the floor, nothing is written."""
    kept = {whole.episode_id: whole for episode in episodes if (whole := _episode_from(episode, floor_us))}
    rows = [
        {
            "episode_id": episode.episode_id,
            "stream_id": stream_id,
            "site": episode.stream.site,
            "tool": episode.tool,
            "station": episode.station,
            "start_us": episode.start_us,
            "end_us": episode.end_us,
            "seen_us": episode.seen_us,
            "state": int(episode.state),
            "reason": None if episode.reason is None else int(episode.reason),
            "changed_us": now_us,
        }
        for episode in kept.values()
    ]
    # As few columns as will do: SQLite writes all indexes anew that tell of one that is set, be its value the same.
    growing = [row for row in rows if row["state"] == _OPEN]
    ended = [row for row in rows if row["state"] != _OPEN]
    put_rows = put(connection, EpisodeRow, growing, _EPISODE_GROWTH, _GROWS)
    put_rows += put(connection, EpisodeRow, ended, _EPISODE_END, _STARTS_ALIKE)
    if put_rows < len(rows):
        put(connection, EpisodeRow, rows, _EPISODE_CHANGES)


def write_stretches(connection: Connection, stream_id: int, stretches: Iterable[Stretch], floor_us: int | None) -> None:
    """Insert stretches, or replace them by their start; of what lies before the floor, nothing is written."""
    kept = {cut.start_us: cut for stretch in stretches if (cut := _stretch_from(stretch, floor_us))}
    rows = [
        {
            "stream_id": stream_id,
            "start_us": stretch.start_us,
            "site": stretch.stream.site,
            "end_us": stretch.end_us,
            "observation": int(stretch.observation),
        }
        for stretch in kept.values()
    ]
    put(connection, StretchRow, rows, _STRETCH_CHANGES)


def write_audit(connection: Connection, at_us: int, who: str, action: str, subject: str, detail: str) -> None:
    """Add an entry to the audit log, within the transaction that does what it tells of; see `AuditLog.record`."""
    row = {
        "at_us": at_us,
        "who": who[:_LONGEST],
        "action": action[:64],
        "subject": subject[:_LONGEST],
        "detail": detail[:10_000],
    }
    connection.execute(insert(AuditRow), [row])


def reopen_episodes(connection: Connection, stream_id: int, now_us: int) -> None:
    """Open the episodes that the reaper closed provisionally: their stream goes on."""
    connection.execute(
        update(EpisodeRow)
        .where(EpisodeRow.stream_id == stream_id, EpisodeRow.state == int(EpisodeState.PROVISIONAL))
        .values(state=int(EpisodeState.OPEN), reason=None, changed_us=now_us)
    )


def _episode_from(episode: Episode, floor_us: int | None) -> Episode | None:
    if floor_us is None or episode.start_us >= floor_us:
        return episode
    if episode.end_us <= floor_us:
        return None
    return replace(episode, start_us=floor_us, seen_us=min(episode.seen_us, episode.end_us - floor_us))


def _stretch_from(stretch: Stretch, floor_us: int | None) -> Stretch | None:
    if floor_us is None or stretch.start_us >= floor_us:
        return stretch
    return None if stretch.end_us <= floor_us else replace(stretch, start_us=floor_us)


def put(
    connection: Connection,
    table: type[Base],
    rows: list[dict[str, Any]],
    replaced: tuple[str, ...] = (),
    where: str | None = None,
) -> int:
    """Insert rows; of those whose key is there already, replace some columns, or leave them as they are.

    Args:
        connection: of the transaction.
        table: where to.
        rows: values by the names of columns.
        replaced: columns that are replaced.
        where: the condition, in SQL, under which they are; None: always.

    Returns:
        How many rows were inserted or replaced.
    """
    if not rows:
        return 0
    return _put(table, tuple(rows[0]), replaced, where).run_many(connection, rows)


@cache
def _put(table: type[Base], columns: tuple[str, ...], replaced: tuple[str, ...], where: str | None) -> Prepared:
    return Prepared(partial(_insertion, table, replaced, where), columns)


def _insertion(table: type[Base], replaced: tuple[str, ...], where: str | None, dialect: str) -> Executable:
    target = table.__table__
    if not isinstance(target, Table):
        raise TypeError(f"{table} is no table")
    statement = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(target)
    if not replaced:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(
        index_elements=list(target.primary_key.columns),
        set_={name: statement.excluded[name] for name in replaced},
        where=None if where is None else text(where),
    )
