"""Frames of event time that another stream of their camera has committed: nothing is counted twice. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from raypp.errors import StreamRefusedError
from raypp.ledger.types import stream_label
from raypp.usage.episode import StreamName, Stretch
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.spans import Spans, length, union, within

MOST_LIVE_US = 600 * 1_000_000
"""How much committed time a live camera may run into, such as after its clock was set back."""
MOST_RECORDED_US = 2 * 1_000_000
"""Likewise a recording: where recordings follow each other, their times are often known to the second only."""
REACH_US = 24 * 3600 * 1_000_000
"""How far behind a frame `set_apart` knows what is committed, to name all of it."""
_JOINED_US = 60 * 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def set_apart(
    stream: StreamName, frames: Sequence[SeenFrame], others: Sequence[Stretch], *, live: bool
) -> tuple[SeenFrame, ...]:
    """Take frames of a little committed time as dropped, so that only what was committed first counts.

    Args:
        stream: the stream that the frames are of.
        frames: of one chunk.
        others: what other streams of its camera saw, from the first frame to `REACH_US` behind the last.
        live: whether it is a live camera.

    Raises:
        StreamRefusedError: if more than a little of what follows is committed; it names the time and the remedy.
    """
    spans = union((stretch.start_us, stretch.end_us) for stretch in others)
    hits = [frame for frame in frames if frame.observation is Observation.OBSERVED and _holds(spans, frame)]
    if not hits:
        return tuple(frames)
    first_us = min(frame.timestamp_us for frame in hits)
    most_us = MOST_LIVE_US if live else MOST_RECORDED_US
    if length(within(spans, first_us, first_us + 2 * most_us)) > most_us:
        raise StreamRefusedError(_refusal(stream, first_us, others))
    apart = {frame.frame_index for frame in hits}
    return tuple(
        replace(frame, observation=Observation.DROPPED, detections=()) if frame.frame_index in apart else frame
        for frame in frames
    )


def _holds(spans: Spans, frame: SeenFrame) -> bool:
    return any(start_us <= frame.timestamp_us < end_us for start_us, end_us in spans)


def _refusal(stream: StreamName, first_us: int, others: Sequence[Stretch]) -> str:
    """Name all that is committed from a moment on, as far as it is known and without long gaps."""
    start_us = end_us = first_us
    names = set()
    for stretch in sorted(others, key=lambda stretch: stretch.start_us):
        if stretch.end_us > first_us and stretch.start_us <= end_us + _JOINED_US:
            start_us, end_us = min(start_us, stretch.start_us), max(end_us, stretch.end_us)
            names.add(stream_label(stretch.stream))
    start, end = (
        (_EPOCH + timedelta(microseconds=moment_us)).replace(tzinfo=None).isoformat()
        for moment_us in (start_us, end_us)
    )
    others_named = ", ".join(sorted(names))
    return (
        f"camera {stream.camera}: {start} to {end} UTC is committed already, by {others_named}; to replace it, run "
        f"`raypp forget {stream.site} --camera {stream.camera} --from {start} --to {end}`, else remove this "
        "recording's spool: nothing is counted twice"
    )
