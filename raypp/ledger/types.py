"""Values that go into the ledger and come out of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from raypp.errors import OptionError
from raypp.usage.episode import Episode, StreamName
from raypp.usage.observation import SeenFrame
from raypp.usage.reliability import Reliabilities
from raypp.usage.state import Changes

Clock = Callable[[], int]
"""Gives processing time, in microseconds since 1970."""

COMMAND_LINE = "command line"
"""Who changes what where nobody else is named."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class StreamAbout:
    """Facts about a stream when a connection opens it.

    Attributes:
        classes: names of the model's classes, in order of class_id.
        model_id: digest of the model's file.
        veil_id: the veil that the model reads.
        live: whether timestamps are capture times of a live camera.
        clock_offset_us: service clock minus the site's, as far as it is certain: 0 where a delay may explain it.
        agent_version: version of the agent.
        reliabilities: how far the model is to be believed on each class; empty where its file does not tell.
    """

    classes: tuple[str, ...]
    model_id: str
    veil_id: str
    live: bool = True
    clock_offset_us: int = 0
    agent_version: str = ""
    reliabilities: Reliabilities = ()


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Where a stream stands in the ledger.

    Attributes:
        committed: chunks 1..committed are durable.
        state_json: the fold's state after them; None where the fold begins anew.
        settings_id: of the last chunk. Where settings or classes are others now, let the new fold `adopt` the state,
            and put its changes into the next commit.
        ended: whether the stream has ended: no chunk may follow.
        lease: what the next commit must show; another connection's `open_stream`, `raypp forget` and
            `raypp reaggregate` make it stale.
    """

    committed: int
    state_json: str | None
    settings_id: str | None
    ended: bool
    lease: int


@dataclass(frozen=True, slots=True)
class Commit:
    """One chunk's whole effect, durable in one transaction or not at all.

    Attributes:
        stream: the stream.
        sequence: number of the chunk, committed + 1.
        frames: its frames, frame_index rising; detections as `raypp.ledger.packing.as_stored` rounds them.
        state_json: the fold's state after them.
        settings_id: the settings of that state.
        changes: episodes and stretches that the chunk opened, changed or closed.
        last: whether the stream ends with it.
        lease: from the position that the connection opened with.
        clock_offset_us: as in `StreamAbout`, where more is known of it than when the stream was opened.
    """

    stream: StreamName
    sequence: int
    frames: tuple[SeenFrame, ...]
    state_json: str
    settings_id: str
    changes: Changes
    last: bool
    lease: int
    clock_offset_us: int | None = None


class Site(NamedTuple):
    """A registered site; a tuple, since lists hold tens of thousands.

    Attributes:
        name: its name.
        version: of its settings; 0 for the default ones.
        added_us: when it was registered, processing time.
    """

    name: str
    version: int
    added_us: int


class StreamStatus(NamedTuple):
    """How a stream is doing; a tuple, since lists of sites hold tens of thousands.

    Attributes:
        stream: the stream.
        ended: whether it has ended for good.
        classes: names of its model's classes, in order of class_id.
        committed: chunks that are durable.
        frames, detections: committed ever; of them `forgotten_frames` have been forgotten.
        newest_us: event time of its latest frame, or None.
        folded_us: event time up to which its frames have been folded: a little before the latest; or None.
        opened_us, active_us: when it was last opened, and last committed; processing time.
        silent: whether its open episodes are closed provisionally.
        live: whether its timestamps are capture times of a live camera.
        clock_offset_us: service clock minus the site's, when it was last opened; 0 where a delay may explain it.
        agent_version: version of the agent.
        model_id, veil_id: of the model that detects for it.
    """

    stream: StreamName
    ended: bool
    classes: tuple[str, ...]
    committed: int
    frames: int
    detections: int
    forgotten_frames: int
    newest_us: int | None
    folded_us: int | None
    opened_us: int
    active_us: int
    silent: bool
    live: bool
    clock_offset_us: int
    agent_version: str
    model_id: str
    veil_id: str


def checked_name(name: str, what: str) -> str:
    """Return a name of a site or camera; raises OptionError unless it is 1 to 100 letters, digits, '.', '_', '-'."""
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 100 else name[:100] + "..."
        raise OptionError(f"{what} {shown!r}: use letters, digits, '.', '_' and '-', at most 100")
    return name


def stream_label(stream: StreamName) -> str:
    """A stream's name in messages."""
    return f"{stream.site}/{stream.camera}@{stream.epoch}"


def page_after(episode: Episode) -> str:
    """The `after` of the page that follows an episode."""
    return f"{episode.start_us}-{episode.episode_id}"
