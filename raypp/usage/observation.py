"""A camera's observation of its place, and a detector's results on one frame of it."""

from dataclasses import dataclass
from enum import IntEnum


class Observation(IntEnum):
    """A site's view of its camera at a frame; only observed frames carry codes. Numbers as on the wire."""

    OBSERVED = 1
    COVERED = 2
    FROZEN = 3
    MOVED = 4
    DROPPED = 5


@dataclass(frozen=True, slots=True)
class Detection:
    """One object found on one frame.

    Attributes:
        class_id: from 0, into the model's classes.
        confidence: in (0, 1].
        x1, y1, x2, y2: corners as fractions of the source's frame, in [0, 1].
    """

    class_id: int
    confidence: float
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """One frame of one stream as the fold reads it.

    Attributes:
        frame_index: number in its stream, from 0; rises, may skip.
        timestamp_us: event time in microseconds since 1970.
        observation: what the camera saw.
        detections: what was found; empty unless observed.
    """

    frame_index: int
    timestamp_us: int
    observation: Observation
    detections: tuple[Detection, ...] = ()
