"""Forgetting: what is kept of a site, a camera, a time is deleted; a stream's position stays, so that it goes on."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, or_, select, update

from raypp.ledger.chunks import Span, count_frames, delete_frames, has_frames_outside, times_of
from raypp.ledger.defaults import WAIT_S
from raypp.ledger.moves import hold_site
from raypp.ledger.reach import reaches_into
from raypp.ledger.rewriting import RewritePlan, Rewriting, rewrite
from raypp.ledger.safety import clear_safety, cut_safety
from raypp.ledger.sites import site_settings
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import EpisodeRow, OutboxRow, StreamRow, StretchRow, ViolationRow
from raypp.ledger.types import COMMAND_LINE, stream_label
from raypp.text.wording import counted
from raypp.usage.alert_rules import AlertKind
from raypp.usage.episode import EpisodeState, StreamName

FORGET, RETAIN = "forget", "retain"
"""Actions of the audit log: who forgot a range, and what went since a ledger keeps only so long."""
_SETTLED_US = 3600 * 1_000_000
"""Of a range that ended so long ago, a stream's fold remembers at most when a stretch began."""


class Forgotten(BaseModel):
    """Counts of the forgotten, or of a plan to forget: rows that lay in the range, or reached into it.

    `emptied` says that no byte of it is left in SQLite's log; where it is false, somebody read all the time.
    """

    model_config = ConfigDict(frozen=True)
    site: str
    camera: str | None
    from_us: int | None
    to_us: int | None
    dry_run: bool
    streams: int = 0
    frames: int = 0
    detections: int = 0
    episodes: int = 0
    stretches: int = 0
    alerts: int = 0
    emptied: bool = True


def forget(
    ledger: Ledger,
    site: str,
    *,
    camera: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    dry_run: bool = False,
    wait_s: float = WAIT_S,
    who: str = COMMAND_LINE,
) -> Forgotten:
    """Delete what is kept of a site, a camera, a range of time. One transaction a stream, each with its audit entry.

    What remains is as if the frames forgotten had never come: episodes and stretches are folded again from those
    that are left. Only where all before a time is forgotten, and that is long past, what reaches over it is cut there.

    Args:
        ledger: the ledger.
        site: the site.
        camera: only this camera.
        from_us: event time; None: no bound.
        to_us: event time, exclusive; None: no bound.
        dry_run: only count.
        wait_s: how long to wait for readers of SQLite's log, in which the deleted bytes are still to be found.
        who: for the audit log.

    Raises:
        UnknownSiteError: if the site is not registered.
    """
    with ledger.database.read() as connection:
        site_settings(connection, site)
        streams = select(StreamRow.stream_id).where(StreamRow.site == site)
        if camera is not None:
            streams = streams.where(StreamRow.camera == camera)
        ids = list(connection.execute(streams.order_by(StreamRow.stream_id)).scalars())
    scope = Forgotten(site=site, camera=camera, from_us=from_us, to_us=to_us, dry_run=dry_run)
    total = scope
    for stream_id in ids:
        forgotten = forget_stream(ledger, stream_id, scope, who)
        if forgotten is not None:
            total = total.model_copy(
                update={
                    name: getattr(total, name) + getattr(forgotten, name)
                    for name in ("streams", "frames", "detections", "episodes", "stretches")
                }
            )
    total = total.model_copy(update={"alerts": forget_alerts(ledger, scope, who)})
    if not dry_run:
        for stream_id in ids:
            mend_newest(ledger, stream_id)
        # In any case: an earlier call may have been kept from it.
        return total.model_copy(update={"emptied": ledger.database.purge(wait_s)})
    return total


def forget_stream(ledger: Ledger, stream_id: int, scope: Forgotten, who: str, action: str = FORGET) -> Forgotten | None:
    """Forget what one stream has in the range of a scope; None where it has nothing. The action is as it is logged."""
    with ledger.database.read() as connection:
        counted = count_forgotten(connection, stream_id, scope)
    if counted is None or scope.dry_run:
        return counted
    with ledger.database.write(patient=True) as connection:
        hold_site(connection, scope.site, rewrites=True)
        locked = select(*StreamRow.__table__.columns).where(StreamRow.stream_id == stream_id).with_for_update()
        row = connection.execute(locked).one()
        counted = count_forgotten(connection, stream_id, scope)
        if counted is None:
            return None
        whole = not has_frames_outside(connection, stream_id, _span(scope))
        if whole or is_long_past(connection, stream_id, scope):
            write_audit(connection, ledger.clock(), who, action, stream_label(_name(row)), _detail(counted))
            if whole or scope.to_us is None:
                clear_stream(connection, stream_id)
            else:
                cut_findings(connection, stream_id, scope.to_us, ledger.clock())
                delete_kept(connection, stream_id, _span(scope), floor_us=scope.to_us, anew=False)
            return counted
    counts: list[Forgotten] = []

    def log(connection: Connection, outcome: Rewriting) -> None:
        counts.append(count_forgotten(connection, stream_id, scope) or scope)
        write_audit(connection, ledger.clock(), who, action, stream_label(outcome.stream), _detail(counts[-1]))

    rewrite(ledger.database, stream_id, RewritePlan(forget=_span(scope), within=log), ledger.clock())
    return counts[-1]


def forget_alerts(ledger: Ledger, scope: Forgotten, who: str, action: str = FORGET) -> int:
    """Delete alerts of what happened in the range, sent or not; return how many, in a dry run how many it would be."""
    conditions: list[ColumnElement[bool]] = [OutboxRow.site == scope.site]
    if scope.camera is not None:
        # an execution at a place that several cameras watch may be known by this one
        several = and_(OutboxRow.camera == "", OutboxRow.kind == AlertKind.EXECUTION_DEVIATES.value)
        conditions.append(or_(OutboxRow.camera == scope.camera, several))
    if scope.from_us is not None:
        conditions.append(OutboxRow.moment_us >= scope.from_us)
    if scope.to_us is not None:
        conditions.append(OutboxRow.moment_us < scope.to_us)
    with ledger.database.read() as connection:
        count: int = connection.execute(select(func.count()).select_from(OutboxRow).where(*conditions)).scalar_one()
    if scope.dry_run or not count:
        return count
    with ledger.database.write(patient=True) as connection:
        hold_site(connection, scope.site, rewrites=True)
        count = connection.execute(delete(OutboxRow).where(*conditions)).rowcount
        detail = f"from {scope.from_us} to {scope.to_us}: {counted(count, 'alert')}"
        write_audit(connection, ledger.clock(), who, action, scope.site, detail)
    return count


def mend_newest(ledger: Ledger, stream_id: int) -> None:
    """Let a stream's latest frame be the latest of those that are left; also where others were forgotten long ago."""
    newest = select(StreamRow.newest_us).where(StreamRow.stream_id == stream_id)
    with ledger.database.read() as connection:
        if connection.execute(newest).scalar_one() == _newest(connection, stream_id):
            return
    with ledger.database.write() as connection:
        connection.execute(newest.with_for_update())
        values = {"newest_us": _newest(connection, stream_id)}
        connection.execute(update(StreamRow).where(StreamRow.stream_id == stream_id).values(values))


def _newest(connection: Connection, stream_id: int) -> int | None:
    times = times_of(connection, stream_id)
    return times[1] if times else None


def count_forgotten(connection: Connection, stream_id: int, scope: Forgotten) -> Forgotten | None:
    """Count what a stream has in the range of a scope; None where it has nothing."""
    frames, detections = count_frames(connection, stream_id, _span(scope))
    counts = count_findings(connection, stream_id, scope)
    if not (frames or counts.episodes or counts.stretches):
        return None
    return counts.model_copy(update={"frames": frames, "detections": detections})


def count_findings(connection: Connection, stream_id: int, scope: Forgotten) -> Forgotten:
    """Count what was found in a stream's frames in the range of a scope."""
    episodes, stretches = (
        connection.execute(
            select(func.count())
            .select_from(table)
            .where(table.stream_id == stream_id, reaches_into(table, scope.from_us, scope.to_us))
        ).scalar_one()
        for table in (EpisodeRow, StretchRow)
    )
    return scope.model_copy(update={"streams": 1, "episodes": episodes, "stretches": stretches})


def is_long_past(connection: Connection, stream_id: int, scope: Forgotten) -> bool:
    """Whether the range holds the stream's beginning, and ends so early that its fold remembers nothing of it."""
    times = times_of(connection, stream_id)
    if scope.to_us is None or times is None:
        return False
    oldest, newest = times
    if scope.from_us is not None and oldest < scope.from_us:
        return False
    under_way = select(EpisodeRow.episode_id).where(
        EpisodeRow.stream_id == stream_id,
        EpisodeRow.state != int(EpisodeState.FINAL),
        EpisodeRow.start_us < scope.to_us,
    )
    violated = select(ViolationRow.violation_id).where(
        ViolationRow.stream_id == stream_id,
        ViolationRow.state != int(EpisodeState.FINAL),
        ViolationRow.start_us < scope.to_us,
    )
    settled = newest - scope.to_us >= _SETTLED_US
    return bool(settled) and all(connection.execute(some.limit(1)).first() is None for some in (under_way, violated))


def clear_findings(connection: Connection, stream_id: int) -> None:
    """Delete all that was found in a stream's frames."""
    for table in (EpisodeRow, StretchRow):
        connection.execute(delete(table).where(table.stream_id == stream_id))
    clear_safety(connection, stream_id)


def clear_stream(connection: Connection, stream_id: int) -> None:
    """Delete all that is kept of a stream but its position; its fold begins anew."""
    clear_findings(connection, stream_id)
    delete_kept(connection, stream_id, Span(), floor_us=None, anew=True)


def delete_kept(
    connection: Connection,
    stream_id: int,
    span: Span,
    *,
    floor_us: int | None,
    anew: bool,
    parts: Sequence[str] | None = None,
) -> int:
    """Delete a stream's frames in a range of time, and note that in its row; return how many it were.

    Args:
        connection: of a transaction that holds the stream's row.
        stream_id: the stream's key.
        span: the range.
        floor_us: event time before which nothing is kept of it from now on; None: no bound.
        anew: whether its fold begins anew, so that whoever has it open has to open it again.
        parts: names of the partitions whose chunks go, where all of them is in the range; None: of all.
    """
    deleted = delete_frames(connection, stream_id, span, parts)
    begun = {"fold": None, "lease": StreamRow.lease + 1, "reaped": False} if anew else {}
    gone = {"rewrites": StreamRow.rewrites + 1, "forgotten_frames": StreamRow.forgotten_frames + deleted}
    of_stream = StreamRow.stream_id == stream_id
    connection.execute(update(StreamRow).where(of_stream).values(floor_us=floor_us, **gone, **begun))
    return deleted


def cut_findings(connection: Connection, stream_id: int, floor_us: int, now_us: int) -> None:
    """Delete what was found in a stream's frames before a time; what reaches over it is cut there.

    With the time as the stream's floor, commits to come cut there, too.
    """
    for table in (EpisodeRow, StretchRow):
        connection.execute(delete(table).where(table.stream_id == stream_id, table.end_us <= floor_us))
    over = (EpisodeRow.stream_id == stream_id, EpisodeRow.start_us < floor_us)
    rest = EpisodeRow.end_us - floor_us
    seen = case((EpisodeRow.seen_us < rest, EpisodeRow.seen_us), else_=rest)
    connection.execute(update(EpisodeRow).where(*over).values(start_us=floor_us, seen_us=seen, changed_us=now_us))
    connection.execute(
        update(StretchRow)
        .where(StretchRow.stream_id == stream_id, StretchRow.start_us < floor_us)
        .values(start_us=floor_us)
    )
    cut_safety(connection, stream_id, floor_us, now_us)


def _span(scope: Forgotten) -> Span:
    return Span(scope.from_us, scope.to_us)


def _name(row: Row[Any]) -> StreamName:
    return StreamName(row.site, row.camera, row.epoch)


def _detail(counted: Forgotten) -> str:
    return (
        f"from {counted.from_us} to {counted.to_us}: {counted.frames} frames, {counted.detections} detections, "
        f"{counted.episodes} episodes, {counted.stretches} stretches"
    )
