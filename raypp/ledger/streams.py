"""Streams: opened, taken over, committed chunk by chunk, reaped; by statement on an open connection."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, select, update

from raypp.errors import LedgerError, StaleStreamError, StreamRefusedError
from raypp.ledger.chunks import PackedChunk, write_chunk
from raypp.ledger.moves import hold_site
from raypp.ledger.moving import move_on
from raypp.ledger.open_streams import Opening, count_open_stream
from raypp.ledger.outbox import raise_alerts
from raypp.ledger.overlap import is_taken, refuse_beside_live
from raypp.ledger.packing import pack_state, unpack_state
from raypp.ledger.queries import is_stream, read_episodes
from raypp.ledger.safety import reopen_violations, silence_violations, write_exposures, write_violations
from raypp.ledger.sites import present_settings, recall, remember
from raypp.ledger.statements import put, reopen_episodes, write_episodes, write_stretches
from raypp.ledger.tables import CameraRow, EpisodeRow, ModelRow, SiteRow, StreamRow, TermRow
from raypp.ledger.types import Commit, StreamAbout, StreamPosition, checked_name, stream_label
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName
from raypp.usage.fold import Fold
from raypp.usage.reliability import reliabilities_json
from raypp.usage.state import Changes, FoldState

MOST_EPOCH_AHEAD_US = 24 * 3600 * 1_000_000
"""How far in the future an epoch may be: beyond, a site's wrong clock would shut out all its later epochs."""
_ABANDONED_US = 3600 * 1_000_000
"""How long a stream may be open without a chunk before it is forgotten; connections last half an hour."""


def open_stream(
    connection: Connection, stream: StreamName, about: StreamAbout, now_us: int, opening: Opening | None = None
) -> StreamPosition:
    """Take hold of a stream; make it where it is new. Streams of lower epochs go on until it commits its first chunk.

    Raises:
        TooManyCamerasError, TooManyStreamsError: beyond the limits of `opening`.
        StreamRefusedError: if a higher epoch has taken over, the epoch is out of range, or a recording would end a live
            stream that goes on.
        UnknownSiteError: if the site is not registered.
    """
    checked_name(stream.camera, "camera")
    hold_site(connection, stream.site)
    if opening is not None:
        count_open_stream(connection, stream, opening)
    if not 0 < stream.epoch <= now_us + MOST_EPOCH_AHEAD_US:
        raise StreamRefusedError(
            f"stream epoch {stream.epoch} of {stream.site}/{stream.camera} is out of range; "
            "it is a time in microseconds since 1970: set the site's clock"
        )
    remember(connection, present_settings(connection, stream.site))
    model_key = _remember_model(connection, about)
    latest = connection.execute(_latest_epoch(stream)).scalar_one_or_none()
    _refuse_taken_over(stream, latest or 0)
    if not about.live:
        refuse_beside_live(connection, stream, now_us)
    row = connection.execute(_locked(stream)).one_or_none()
    if row is None:
        _insert_stream(connection, stream, about, model_key, now_us)
        row = connection.execute(_locked(stream)).one()
    lease = row.lease + 1
    connection.execute(
        update(StreamRow)
        .where(StreamRow.stream_id == row.stream_id)
        .values(
            lease=lease,
            model_key=model_key,
            live=about.live,
            clock_offset_us=about.clock_offset_us,
            agent_version=about.agent_version[:64],
            opened_us=now_us,
        )
    )
    if row.model_key != model_key and row.settings_id is not None and row.ended_us is None:
        _begin_term(connection, row.stream_id, row.committed + 1, model_key, row.settings_id)
    return _position(row, lease)


def position(connection: Connection, stream: StreamName) -> StreamPosition | None:
    """Where a stream stands, without taking hold of it; None where there is no such stream."""
    query = select(StreamRow.committed, StreamRow.fold, StreamRow.settings_id, StreamRow.ended_us, StreamRow.lease)
    row = connection.execute(query.where(is_stream(stream))).one_or_none()
    return row and _position(row, row.lease)


def _position(row: Any, lease: int) -> StreamPosition:
    state = None if row.fold is None else unpack_state(row.fold)
    return StreamPosition(row.committed, state, row.settings_id, row.ended_us is not None, lease)


@dataclass(frozen=True)
class PackedCommit:
    """The large parts of a chunk as they are written: its frames, None where there are none, and the fold's state."""

    frames: PackedChunk | None
    fold: bytes

    @classmethod
    def of(cls, chunk: Commit) -> Self:
        """Pack a chunk; raises LedgerError for detections that cannot be kept as they are."""
        return cls(PackedChunk.of(chunk.frames), pack_state(chunk.state_json))


def commit(connection: Connection, chunk: Commit, packed: PackedCommit, now_us: int) -> None:
    """Write one chunk's effect. The first chunk of a stream ends those of lower epochs of its camera for good.

    Raises:
        StaleStreamError: if the stream is not just before this chunk any more, or another connection holds it.
        StreamRefusedError: if it has ended, a higher epoch has taken over, or the frames' indices do not rise.
        LedgerError: if the settings are not known to the ledger, or a change is of another stream.
    """
    if chunk.sequence > 1 and (moved := move_on(connection, chunk, packed.fold, now_us)) is not None:
        _write(connection, chunk, packed, moved, now_us)
        return
    first = chunk.sequence == 1
    latest = _hold_camera(connection, chunk.stream) if first else 0
    row = connection.execute(_locked(chunk.stream)).one_or_none()
    if row is None or row.lease != chunk.lease:
        raise StaleStreamError(f"stream {stream_label(chunk.stream)} is held by another connection; open it again")
    _refuse(row, chunk)
    if first:
        _refuse_taken_over(chunk.stream, latest)
        if is_taken(connection, chunk.stream, chunk.frames):
            raise StaleStreamError(
                f"another stream of {stream_label(chunk.stream)} has committed the time of its first chunk; "
                "open it again"
            )
        _take_over(connection, chunk.stream, now_us)
    if row.settings_id != chunk.settings_id:
        recall(connection, chunk.settings_id)
        _begin_term(connection, row.stream_id, chunk.sequence, row.model_key, chunk.settings_id)
        connection.execute(
            update(StreamRow).where(StreamRow.stream_id == row.stream_id).values(settings_id=chunk.settings_id)
        )
    moved = move_on(connection, chunk, packed.fold, now_us)
    if moved is None:  # the row is locked: this cannot be, and if it is, nothing is written
        raise StaleStreamError(f"stream {stream_label(chunk.stream)} was moved on by another connection; open it again")
    _write(connection, chunk, packed, moved, now_us)


def _write(
    connection: Connection, chunk: Commit, packed: PackedCommit, moved: tuple[int, bool, int | None], now_us: int
) -> None:
    """Write what a chunk holds and what it changed; `moved` is what `move_on` gave."""
    stream_id, reaped, floor_us = moved
    write_chunk(connection, stream_id, chunk.sequence, packed.frames)
    if chunk.clock_offset_us is not None:
        offset = {"clock_offset_us": chunk.clock_offset_us}
        connection.execute(update(StreamRow).where(StreamRow.stream_id == stream_id).values(**offset))
    if reaped:
        connection.execute(update(StreamRow).where(StreamRow.stream_id == stream_id).values(reaped=False))
        reopen_episodes(connection, stream_id, now_us)
        reopen_violations(connection, stream_id, now_us)
    raise_alerts(connection, stream_id, chunk.stream, chunk.changes, floor_us, now_us)
    write_episodes(connection, stream_id, chunk.changes.episodes, floor_us, now_us)
    write_stretches(connection, stream_id, chunk.changes.stretches, floor_us)
    _write_people(connection, stream_id, chunk.changes, floor_us, now_us)


def _write_people(connection: Connection, stream_id: int, changes: Changes, floor_us: int | None, now_us: int) -> None:
    """Write what has changed about people; on most streams, nothing."""
    if changes.violations:
        write_violations(connection, stream_id, changes.violations, floor_us, now_us)
    if changes.exposures:
        write_exposures(connection, stream_id, changes.exposures, floor_us)


def silent_streams(connection: Connection, now_us: int, *, hold: bool) -> list[int]:
    """Streams that have been silent for longer than their site's `reap_after_s`, and are not reaped yet.

    Args:
        connection: where to look.
        now_us: processing time.
        hold: whether to lock them; those that another transaction holds are left out, since they are not silent.
    """
    query = (
        select(StreamRow.stream_id)
        .join(SiteRow, SiteRow.name == StreamRow.site)
        .where(
            StreamRow.ended_us.is_(None),
            StreamRow.committed > 0,
            StreamRow.reaped.is_(False),
            StreamRow.active_us < now_us - SiteRow.reap_after_us,
        )
        .order_by(StreamRow.stream_id)
    )
    if hold:
        query = query.with_for_update(of=StreamRow, skip_locked=True)
    return list(connection.execute(query).scalars())


def reap(connection: Connection, now_us: int) -> list[Episode]:
    """Close the open episodes of silent streams provisionally; the fold's state stays as it is."""
    silent = silent_streams(connection, now_us, hold=True)
    if not silent:
        return []
    open_ones = (EpisodeRow.stream_id.in_(silent), EpisodeRow.state == int(EpisodeState.OPEN))
    ids = list(connection.execute(select(EpisodeRow.episode_id).where(*open_ones)).scalars())
    connection.execute(update(StreamRow).where(StreamRow.stream_id.in_(silent)).values(reaped=True))
    connection.execute(
        update(EpisodeRow)
        .where(*open_ones)
        .values(state=int(EpisodeState.PROVISIONAL), reason=int(CloseReason.SILENT), changed_us=now_us)
    )
    silence_violations(connection, silent, now_us)
    return read_episodes(connection, EpisodeRow.episode_id.in_(ids))


def abandoned_streams(now_us: int) -> ColumnElement[bool]:
    """The condition for streams that were opened long ago and never committed a chunk: tries that came to nothing."""
    begun = StreamRow.opened_us < now_us - _ABANDONED_US
    return and_(StreamRow.committed == 0, begun, StreamRow.ended_us.is_(None))  # one that is being moved has ended


def has_abandoned(connection: Connection, now_us: int) -> bool:
    """Whether there are streams to drop."""
    query = select(StreamRow.stream_id).where(abandoned_streams(now_us)).limit(1)
    return connection.execute(query).first() is not None


def drop_abandoned(connection: Connection, now_us: int) -> None:
    """Delete streams that never committed a chunk: a try that came to nothing leaves no camera."""
    connection.execute(delete(StreamRow).where(abandoned_streams(now_us)))


def _refuse(row: Row[Any], chunk: Commit) -> None:
    name = stream_label(chunk.stream)
    if row.ended_us is not None:
        raise StreamRefusedError(f"stream {name} has ended; no chunk may follow")
    if row.committed != chunk.sequence - 1:
        raise StaleStreamError(
            f"chunk {chunk.sequence} of stream {name}: the ledger is at {row.committed}, so {row.committed + 1} is next"
        )
    before = row.last_frame
    for frame in chunk.frames:
        if frame.frame_index <= before:
            raise StreamRefusedError(
                f"frame {frame.frame_index} of stream {name} follows frame {before}; frame_index must rise"
            )
        before = frame.frame_index
    changes = chunk.changes
    streams = {
        *(episode.stream for episode in changes.episodes),
        *(stretch.stream for stretch in changes.stretches),
        *(violation.stream for violation in changes.violations),
        *(exposure.stream for exposure in changes.exposures),
    }
    if not streams <= {chunk.stream}:
        raise LedgerError(f"chunk {chunk.sequence} of stream {name} holds changes of another stream")


def _refuse_taken_over(stream: StreamName, latest: int) -> None:
    if stream.epoch < latest:
        raise StreamRefusedError(
            f"stream epoch {stream.epoch} of {stream.site}/{stream.camera} was taken over by {latest}; "
            "stop the agent with the older spool"
        )


def _latest_epoch(stream: StreamName) -> Select[Any]:
    return select(CameraRow.latest_epoch).where(CameraRow.site == stream.site, CameraRow.camera == stream.camera)


def _hold_camera(connection: Connection, stream: StreamName) -> int:
    """Hold a camera's row, so that take-overs have one order; return its latest epoch that has committed."""
    put(connection, CameraRow, [{"site": stream.site, "camera": stream.camera, "latest_epoch": stream.epoch}])
    return int(connection.execute(_latest_epoch(stream).with_for_update()).scalar_one())


def _take_over(connection: Connection, stream: StreamName, now_us: int) -> None:
    """End the streams of lower epochs: what is open in their folds becomes final, by reason of replacement."""
    connection.execute(
        update(CameraRow)
        .where(CameraRow.site == stream.site, CameraRow.camera == stream.camera)
        .values(latest_epoch=stream.epoch)
    )
    lower = (StreamRow.site == stream.site, StreamRow.camera == stream.camera, StreamRow.epoch < stream.epoch)
    connection.execute(delete(StreamRow).where(*lower, StreamRow.committed == 0))
    older = select(*StreamRow.__table__.columns).where(*lower, StreamRow.ended_us.is_(None))
    for row in connection.execute(older.with_for_update()).all():
        values: dict[str, Any] = {"ended_us": now_us, "end_reason": int(CloseReason.REPLACED), "lease": row.lease + 1}
        if row.fold is not None:
            state = FoldState.from_json(unpack_state(row.fold))
            fold = Fold(recall(connection, state.settings_id), state.stream, state.classes, state.reliabilities)
            ended, changes = fold.finish(state, CloseReason.REPLACED)
            values["fold"] = pack_state(ended.to_json())
            if row.reaped:
                reopen_episodes(connection, row.stream_id, now_us)
                reopen_violations(connection, row.stream_id, now_us)
            raise_alerts(connection, row.stream_id, state.stream, changes, row.floor_us, now_us)
            write_episodes(connection, row.stream_id, changes.episodes, row.floor_us, now_us)
            write_stretches(connection, row.stream_id, changes.stretches, row.floor_us)
            _write_people(connection, row.stream_id, changes, row.floor_us, now_us)
        connection.execute(update(StreamRow).where(StreamRow.stream_id == row.stream_id).values(**values, reaped=False))


def _insert_stream(connection: Connection, stream: StreamName, about: StreamAbout, model_key: str, now_us: int) -> None:
    row = {
        "site": stream.site,
        "camera": stream.camera,
        "epoch": stream.epoch,
        "committed": 0,
        "lease": 0,
        "rewrites": 0,
        "model_key": model_key,
        "reaped": False,
        "last_frame": -1,
        "frames": 0,
        "detections": 0,
        "forgotten_frames": 0,
        "live": about.live,
        "clock_offset_us": about.clock_offset_us,
        "agent_version": about.agent_version[:64],
        "opened_us": now_us,
        "active_us": now_us,
    }
    put(connection, StreamRow, [row])  # another connection may have made it meanwhile


def _remember_model(connection: Connection, about: StreamAbout) -> str:
    classes = json.dumps(list(about.classes))
    parts = f"{about.model_id}\0{about.veil_id}\0{classes}"
    key = hashlib.sha256(parts.encode()).hexdigest()[:32]
    row = {"model_key": key, "model_id": about.model_id, "veil_id": about.veil_id, "classes": classes}
    put(connection, ModelRow, [row | {"reliabilities": reliabilities_json(about.reliabilities)}])
    return key


def _begin_term(connection: Connection, stream_id: int, sequence: int, model_key: str, settings_id: str) -> None:
    row = {"stream_id": stream_id, "from_sequence": sequence, "model_key": model_key, "settings_id": settings_id}
    put(connection, TermRow, [row], ("model_key", "settings_id"))


def _locked(stream: StreamName) -> Select[Any]:
    """Select a stream's row and hold it; SQLite's transaction holds the whole database anyway."""
    return select(*StreamRow.__table__.columns).where(is_stream(stream)).with_for_update()
