"""Detections and episodes as messages, and back."""

from collections.abc import Iterable
from math import isfinite
from typing import TypeVar

from protos import raypp_pb2 as pb
from raypp.errors import WireError
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName
from raypp.usage.observation import Detection

_Number = TypeVar("_Number", EpisodeState, CloseReason)


def detection_message(detection: Detection) -> pb.Detection:
    """Return a detection's message; its numbers become 32-bit floats."""
    return pb.Detection(
        class_id=detection.class_id,
        confidence=detection.confidence,
        x1=detection.x1,
        y1=detection.y1,
        x2=detection.x2,
        y2=detection.y2,
    )


def detection_of(message: pb.Detection) -> Detection:
    """Return the detection of a message.

    Raises:
        WireError: if its confidence or a corner is out of range.
    """
    corners = (message.x1, message.y1, message.x2, message.y2)
    if not (isfinite(message.confidence) and 0 < message.confidence <= 1):
        raise WireError(f"detection's confidence {message.confidence} is not in (0, 1]")
    if not all(isfinite(value) and 0 <= value <= 1 for value in corners):
        raise WireError(f"detection's corners {corners} leave the frame: they are fractions of it, 0 to 1")
    return Detection(message.class_id, message.confidence, *corners)


def frame_detections_message(
    frame_index: int, timestamp_us: int, detections: Iterable[Detection]
) -> pb.FrameDetections:
    """Return the message of what was found on one frame."""
    return pb.FrameDetections(
        frame_index=frame_index,
        timestamp_us=timestamp_us,
        detections=[detection_message(detection) for detection in detections],
    )


def detections_of(message: pb.FrameDetections) -> tuple[Detection, ...]:
    """Return what was found on one frame; raises WireError if a detection is out of range."""
    return tuple(detection_of(detection) for detection in message.detections)


def episode_message(episode: Episode) -> pb.Episode:
    """Return an episode's message."""
    return pb.Episode(
        episode_id=episode.episode_id,
        site=episode.stream.site,
        camera=episode.stream.camera,
        tool=episode.tool,
        station=episode.station,
        start_us=episode.start_us,
        end_us=episode.end_us,
        seen_us=episode.seen_us,
        state=int(episode.state),  # type: ignore[arg-type]
        close_reason=int(episode.reason or 0),  # type: ignore[arg-type]
        stream_epoch=episode.stream.epoch,
    )


def episode_of(message: pb.Episode) -> Episode:
    """Return the episode of a message; raises WireError if its state or reason is unknown."""
    return Episode(
        episode_id=message.episode_id,
        stream=StreamName(message.site, message.camera, message.stream_epoch),
        tool=message.tool,
        station=message.station,
        start_us=message.start_us,
        end_us=message.end_us,
        seen_us=message.seen_us,
        state=_number(EpisodeState, message.state, message.episode_id),
        reason=_number(CloseReason, message.close_reason, message.episode_id) if message.close_reason else None,
    )


def _number(kind: type[_Number], value: int, episode_id: str) -> _Number:
    try:
        return kind(value)
    except ValueError:
        raise WireError(f"episode {episode_id}: {kind.__name__} {value} is unknown; a newer service sent it") from None
