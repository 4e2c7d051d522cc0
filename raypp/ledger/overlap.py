"""Event time of a camera that its other streams have committed already: what would be counted twice."""

from sqlalchemy import ColumnElement, Connection, and_, func, select

from raypp.errors import StreamRefusedError
from raypp.ledger.tables import SiteRow, StreamRow, StretchRow
from raypp.ledger.types import stream_label
from raypp.usage.episode import StreamName, Stretch
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.spans import union

_LONGEST_HOLD_US = 3600 * 1_000_000
"""For so long at most a stream's last frame stands: what `max_frame_gap_s` allows."""
_MOST_WAITING_US = 70 * 1_000_000
"""For so long at most a stream's newest frames are not folded yet: what `max_lateness_s` allows, and a little."""


def taken_until(connection: Connection, stream: StreamName) -> int:
    """Return an event time from which on no other stream of this camera has committed anything; 0 without others."""
    newest = connection.execute(select(func.max(StreamRow.newest_us)).where(_others(stream))).scalar()
    return 0 if newest is None else int(newest) + _LONGEST_HOLD_US


def taken(connection: Connection, stream: StreamName, from_us: int, to_us: int) -> list[Stretch]:
    """List what other streams of this camera saw within [from_us, to_us), by epoch and start.

    Of a stream that goes on, frames that are not folded yet count as seen.

    Args:
        connection: where to look.
        stream: the stream whose camera is asked about; it itself is left out.
        from_us: event time.
        to_us: event time, exclusive.
    """
    before = (
        select(func.max(StretchRow.start_us))
        .where(StretchRow.stream_id == StreamRow.stream_id, StretchRow.start_us <= from_us)
        .correlate(StreamRow)
        .scalar_subquery()
    )
    observed = (
        select(StreamRow.epoch, StretchRow.start_us, StretchRow.end_us)
        .join(StretchRow, StretchRow.stream_id == StreamRow.stream_id)
        .where(
            _others(stream),
            StreamRow.newest_us > from_us - _LONGEST_HOLD_US,
            StretchRow.start_us >= func.coalesce(before, from_us),  # an index finds it, however long the stream is
            StretchRow.start_us < to_us,
            StretchRow.end_us > from_us,
            StretchRow.observation == int(Observation.OBSERVED),
        )
    )
    folded = func.coalesce(
        select(func.max(StretchRow.end_us)).where(StretchRow.stream_id == StreamRow.stream_id).scalar_subquery(), 0
    )
    waiting = select(StreamRow.epoch, folded, StreamRow.newest_us).where(
        _others(stream), StreamRow.ended_us.is_(None), StreamRow.newest_us >= from_us
    )
    spans = [(row.epoch, row.start_us, row.end_us) for row in connection.execute(observed)]
    for epoch, folded_us, newest_us in connection.execute(waiting):
        spans.append((epoch, max(folded_us, newest_us - _MOST_WAITING_US), newest_us + 1))
    return [
        Stretch(StreamName(stream.site, stream.camera, epoch), start_us, end_us, Observation.OBSERVED)
        for epoch, start_us, end_us in sorted(spans)
        if start_us < min(to_us, end_us) and end_us > from_us
    ]


def is_taken(connection: Connection, stream: StreamName, frames: tuple[SeenFrame, ...]) -> bool:
    """Whether a frame that was observed lies in time that another stream of the camera has committed."""
    times = [frame.timestamp_us for frame in frames if frame.observation is Observation.OBSERVED]
    if not times:
        return False
    others = taken(connection, stream, min(times), max(times) + 1)
    spans = union((other.start_us, other.end_us) for other in others)
    return any(start_us <= time < end_us for time in times for start_us, end_us in spans)


def refuse_beside_live(connection: Connection, stream: StreamName, now_us: int) -> None:
    """Refuse a recording whose first chunk would end a live stream of its camera that is going on.

    Raises:
        StreamRefusedError: naming the live stream.
    """
    going_on = (
        select(StreamRow.epoch, StreamRow.active_us)
        .join(SiteRow, SiteRow.name == StreamRow.site)
        .where(
            _others(stream),
            StreamRow.epoch < stream.epoch,
            StreamRow.live.is_(True),
            StreamRow.committed > 0,
            StreamRow.ended_us.is_(None),
            StreamRow.active_us >= now_us - SiteRow.reap_after_us,
        )
    )
    row = connection.execute(going_on.order_by(StreamRow.epoch.desc())).first()
    if row is not None:
        live = stream_label(StreamName(stream.site, stream.camera, row.epoch))
        raise StreamRefusedError(
            f"live stream {live} goes on, and this recording would end it; give the recording a `camera` of its own, "
            "or stop the live one first"
        )


def _others(stream: StreamName) -> ColumnElement[bool]:
    return and_(StreamRow.site == stream.site, StreamRow.camera == stream.camera, StreamRow.epoch != stream.epoch)
