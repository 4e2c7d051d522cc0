"""A fold's memory between chunks: small whatever the stream's length, and the same after a trip through JSON."""

import operator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from raypp.errors import FoldError
from raypp.io.fault import first_fault
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch, episode_id
from raypp.usage.hysteresis import Ended, LaneState
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.people_state import Naming, PeopleState, close_people
from raypp.usage.reliability import Reliabilities
from raypp.usage.signal import Motion
from raypp.usage.use import Use
from raypp.usage.violation import Exposure, Violation

STATE_VERSION = 2
_READ = (1, STATE_VERSION)
"""Version 1 has no people."""


@dataclass(frozen=True, slots=True)
class Changes:
    """All that is new or changed; each replaces what its id, or its names and start_us, named before."""

    episodes: tuple[Episode, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    violations: tuple[Violation, ...] = ()
    exposures: tuple[Exposure, ...] = ()

    def then(self, later: "Changes") -> "Changes":
        """Both changes, the later ones replacing these of the same name."""
        episodes = {episode.episode_id: episode for episode in (*self.episodes, *later.episodes)}
        stretches = {stretch.start_us: stretch for stretch in (*self.stretches, *later.stretches)}
        violations = {violation.violation_id: violation for violation in (*self.violations, *later.violations)}
        exposures = {(row.zone, row.item, row.start_us): row for row in (*self.exposures, *later.exposures)}
        of_use = tuple(episodes.values()), tuple(stretches.values())
        return Changes(*of_use, tuple(violations.values()), tuple(exposures.values()))


@dataclass(frozen=True, slots=True)
class NewestFrame:
    """The newest folded frame: it stands for the time up to the next one, which has not come yet.

    Attributes:
        timestamp_us: when it was captured.
        observation: what the camera saw.
        used: for each lane whether it is in use; empty unless observed.
    """

    timestamp_us: int
    observation: Observation
    used: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class OpenStretch:
    """The stretch under way: see `Stretch`."""

    start_us: int
    end_us: int
    observation: Observation


@dataclass(frozen=True, slots=True)
class FoldState:
    """The state of one stream's fold after some frames.

    Attributes:
        version: of this form.
        stream: the stream.
        settings_id: of the settings it was made with.
        classes: the model's classes it was made with.
        lanes: each lane of the camera, by tool and station.
        motion: what tools in mode moving are followed by.
        held: the newest folded frame, if any.
        interval_us: time between the last two folded frames that were not too far apart.
        stretch: the stretch under way, if any.
        waiting: frames that may be preceded by one still to come, in order of (timestamp_us, frame_index).
        newest_us: timestamp of the newest frame that came, if any.
        last_order: (timestamp_us, frame_index) of the newest folded frame, if any.
        frames: frames folded so far.
        late: frames that came too late to be folded, or a second time.
        ended: why the stream ended; None while it goes on.
        people: everybody before a camera that has zones; None on others.
        reliabilities: how far the model was believed; empty on cameras without zones.
    """

    stream: StreamName
    settings_id: str
    classes: tuple[str, ...]
    lanes: tuple[LaneState, ...]
    motion: tuple[Motion, ...] = ()
    held: NewestFrame | None = None
    interval_us: int = 0
    stretch: OpenStretch | None = None
    waiting: tuple[SeenFrame, ...] = ()
    newest_us: int | None = None
    last_order: tuple[int, int] | None = None
    frames: int = 0
    late: int = 0
    ended: CloseReason | None = None
    people: PeopleState | None = None
    reliabilities: Annotated[Reliabilities, Field(exclude_if=operator.not_)] = ()
    version: int = STATE_VERSION

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    def to_json(self) -> str:
        """Write the state as JSON; `from_json` gives an equal one."""
        return _ADAPTER.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> "FoldState":
        """Read a state.

        Raises:
            FoldError: if the text is no state of this version.
        """
        try:
            state = _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise FoldError(f"kept fold state: {first_fault(error)}; aggregate the stream again") from None
        if state.version not in _READ:
            raise FoldError(
                f"kept fold state has version {state.version}, this raypp reads {' and '.join(map(str, _READ))}; "
                "aggregate the stream again"
            )
        return replace(state, version=STATE_VERSION)


_ADAPTER: TypeAdapter[FoldState] = TypeAdapter(FoldState)


def opened(state: FoldState, lane: LaneState) -> Episode | None:
    """Return the open episode of a lane, if it has one."""
    if not lane.opened or lane.start_us is None:
        return None
    name = episode_id(state.stream, lane.tool, lane.station, lane.start_us, state.settings_id)
    times = (lane.start_us, lane.last_us, lane.seen_us)
    return Episode(name, state.stream, lane.tool, lane.station, *times, EpisodeState.OPEN)


def closed(state: FoldState, lane: LaneState, ended: Ended) -> Episode:
    """Return a lane's episode that has ended."""
    name = episode_id(state.stream, lane.tool, lane.station, ended.start_us, state.settings_id)
    times = (ended.start_us, ended.end_us, ended.seen_us)
    return Episode(name, state.stream, lane.tool, lane.station, *times, EpisodeState.FINAL, ended.reason)


def close(state: FoldState, reason: CloseReason) -> tuple[FoldState, Changes]:
    """End a stream where it stands, from its state alone: no settings needed, waiting frames are not folded.

    Args:
        state: the state; what it has open becomes final.
        reason: END_OF_STREAM, REPLACED or SETTINGS.

    Returns:
        The ended state and the episodes closed. A state that has ended stays as it is.
    """
    if state.ended is not None:
        return state, Changes()
    episodes = [
        closed(state, lane, Ended(lane.start_us, lane.last_us, lane.seen_us, reason))
        for lane in state.lanes
        if lane.opened and lane.start_us is not None
    ]
    lanes = tuple(LaneState(lane.tool, lane.station) for lane in state.lanes)
    after = replace(state, lanes=lanes, motion=(), held=None, stretch=None, waiting=(), ended=reason)
    if state.people is None:
        return after, Changes(tuple(episodes))
    people, violations, exposures = close_people(state.people, Naming(state.stream, state.settings_id), reason)
    return replace(after, people=people), Changes(tuple(episodes), (), violations, exposures)
