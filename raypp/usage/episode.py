"""Episodes: one use of one tool each; and stretches of time that a camera saw, or did not."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum

from raypp.usage.observation import Observation

EPISODE_ID_HEX = 32


@dataclass(frozen=True, slots=True, order=True)
class StreamName:
    """One camera's stream of one epoch.

    Attributes:
        site, camera: names.
        epoch: when the site's spool was made, microseconds since 1970; a higher one takes over for good.
    """

    site: str
    camera: str
    epoch: int


class EpisodeState(IntEnum):
    """How certain the end of an episode is. Numbers as on the wire."""

    OPEN = 1
    PROVISIONAL = 2
    FINAL = 3


class CloseReason(IntEnum):
    """Why an episode ended. Numbers as on the wire."""

    ENDED = 1
    NOT_OBSERVED = 2
    END_OF_STREAM = 3
    REPLACED = 4
    SETTINGS = 5
    SILENT = 6


@dataclass(frozen=True, slots=True)
class Episode:
    """One use of one tool at one station of one camera.

    Attributes:
        episode_id: 32 hex digits, see `episode_id`.
        stream: the stream it was seen on.
        tool: name of the class, or of the tool as the site's settings call it.
        station: name of the station; empty where the tool has none.
        start_us, end_us: event time; the end is exclusive, and for an open episode the latest moment of use so far.
        seen_us: time within it that the tool was seen in use; bridged gaps are not counted.
        state: open, provisional or final.
        reason: why it ended; None while open.
    """

    episode_id: str
    stream: StreamName
    tool: str
    station: str
    start_us: int
    end_us: int
    seen_us: int
    state: EpisodeState
    reason: CloseReason | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time of one stream in which its camera saw, or did not.

    Attributes:
        stream: the stream.
        start_us, end_us: event time, end exclusive; the start names the stretch in its stream.
        observation: OBSERVED, or why not. Time between frames further apart than the site's `max_frame_gap_s` belongs
            to no stretch.
    """

    stream: StreamName
    start_us: int
    end_us: int
    observation: Observation


def episode_id(stream: StreamName, tool: str, station: str, start_us: int, settings_id: str) -> str:
    """Name an episode by what fixes it, so that the same one found twice is one: 32 hex digits of SHA-256."""
    parts = (stream.site, stream.camera, str(stream.epoch), tool, station, str(start_us), settings_id)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:EPISODE_ID_HEX]
