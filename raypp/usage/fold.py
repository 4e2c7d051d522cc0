"""The fold: frames of one stream, in event time, to episodes of use and stretches of observation.

A pure function of the sequence of frames: how they are split into chunks, and whether the state went through JSON
between them, changes nothing. A frame stands for the time up to the next one (sample and hold), for `max_frame_gap_s`
at most.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from raypp.errors import FoldError
from raypp.usage.episode import CloseReason, Episode, StreamName, Stretch
from raypp.usage.hysteresis import LaneState, step
from raypp.usage.lanes import lanes_of
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.people_fold import PeopleFold
from raypp.usage.people_run import PeopleRun
from raypp.usage.people_state import Naming
from raypp.usage.reliability import Reliabilities
from raypp.usage.rules import CameraRules
from raypp.usage.settings import SiteSettings
from raypp.usage.signal import Signal
from raypp.usage.state import Changes, FoldState, NewestFrame, OpenStretch, close, closed, opened
from raypp.usage.use import Use

_FLOAT = {float}
MOST_WAITING = 256
"""Frames that wait for earlier ones; above it the earliest is folded at once, so that the state stays small."""


class Fold:
    """The fold of one stream. Holds no state of the stream; one fold may serve many states of it.

    Args:
        settings: of the site.
        stream: the stream.
        classes: the model's classes, by class_id.
        reliabilities: how far the model is to be believed on each of them; of use on cameras with zones alone.

    Raises:
        SettingsError: if the settings name a class that the model does not have.
    """

    def __init__(
        self, settings: SiteSettings, stream: StreamName, classes: Sequence[str], reliabilities: Reliabilities = ()
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._classes = tuple(classes)
        rules = settings.rules_for(self._classes, f"settings of site {stream.site}")
        self._lanes = lanes_of(settings, stream.camera, rules)
        about = settings.cameras.get(stream.camera, CameraRules())
        self.signal = Signal(self._lanes, self._classes, about.aspect)
        self._reliabilities = reliabilities if about.zones else ()
        people = settings, stream.camera, self._classes, self._reliabilities
        self.people = PeopleFold(*people) if about.zones else None
        self.times_us = [(_us(lane.rules.min_on_s), _us(lane.rules.max_gap_s)) for lane in self._lanes]
        self.gap_us = _us(settings.max_frame_gap_s)
        self.lateness_us = _us(settings.max_lateness_s)

    def begin(self) -> FoldState:
        """Return the state of a stream before its first frame."""
        lanes = tuple(LaneState(lane.tool, lane.station) for lane in self._lanes)
        people = self.people.begin() if self.people else None
        about = (self._stream, self._settings.settings_id, self._classes)
        return FoldState(*about, lanes, people=people, reliabilities=self._reliabilities)

    def relevant(self, frame: SeenFrame) -> SeenFrame:
        """Return a frame with only those detections that a lane or a zone may look at."""
        people = self.people
        wants = self.signal.wants
        kept = tuple(
            [
                _plain(detection)
                for detection in frame.detections
                if wants(detection) or (people is not None and people.wants(detection))
            ]
        )
        return SeenFrame(int(frame.frame_index), int(frame.timestamp_us), frame.observation, kept)

    def fits(self, state: FoldState) -> bool:
        """Say whether a state is of this stream, these settings, and these classes as far as they are believed."""
        mine = (self._stream, self._settings.settings_id, self._classes, self._reliabilities)
        return (state.stream, state.settings_id, state.classes, state.reliabilities) == mine

    def advance(self, state: FoldState, frames: Sequence[SeenFrame]) -> tuple[FoldState, Changes]:
        """Fold more frames.

        Args:
            state: after the frames before.
            frames: the next frames, in the order in which they came. One that is more than `max_lateness_s` behind the
                newest, or came before, is counted as late and not folded.

        Returns:
            The state after them, and what became known.

        Raises:
            FoldError: if the state does not fit, or its stream has ended.
        """
        run = self._run(state)
        for frame in frames:
            run.take(frame)
        return run.done()

    def finish(self, state: FoldState, reason: CloseReason) -> tuple[FoldState, Changes]:
        """End a stream: fold what waits, and close what is open.

        The last frame stands for as long as the one before it did.

        Args:
            state: after the last frame.
            reason: END_OF_STREAM, REPLACED or SETTINGS.

        Raises:
            FoldError: if the state does not fit, or its stream has ended.
        """
        run = self._run(state)
        run.drain()
        folded, changes = run.done()
        ended, last = close(folded, reason)
        return ended, changes.then(last)

    def adopt(self, state: FoldState) -> tuple[FoldState, Changes]:
        """Take a stream over from a state made with other settings or classes, and go on with these.

        What is open is closed with SETTINGS. Frames that wait are folded under these settings, unless the classes
        differ, by which their detections are numbered.

        Raises:
            FoldError: if the state is of another stream, or its stream has ended.
        """
        self._check_goes_on(state)
        _, before = close(state, CloseReason.SETTINGS)
        kept = replace(self.begin(), last_order=state.last_order, frames=state.frames, late=state.late)
        if self.people and state.people:
            kept = replace(kept, people=self.people.begin(state.people.next_number))
        if state.classes != self._classes:
            return replace(kept, newest_us=state.newest_us), before
        after, more = self.advance(kept, state.waiting)
        return replace(after, newest_us=state.newest_us), before.then(more)

    def _run(self, state: FoldState) -> "_Run":
        self._check_goes_on(state)
        if not self.fits(state):
            raise FoldError(
                f"kept fold state of {state.stream.site}/{state.stream.camera} was made with other settings or classes "
                f"(settings {state.settings_id[:12]}, now {self._settings.settings_id[:12]}); adopt it"
            )
        return _Run(self, state)

    def _check_goes_on(self, state: FoldState) -> None:
        if state.stream != self._stream:
            raise FoldError(f"kept fold state is of stream {state.stream}, not {self._stream}; use its own")
        if state.ended is not None:
            raise FoldError(
                f"stream {state.stream.site}/{state.stream.camera} of epoch {state.stream.epoch} has ended "
                f"({state.ended.name}); begin a higher epoch"
            )


class _Run:
    """One call of advance: the parts of the state while they change."""

    def __init__(self, fold: Fold, state: FoldState) -> None:
        self._fold = fold
        self._state = state
        self._lanes = list(state.lanes)
        self._motion = state.motion
        self._held = state.held
        self._interval_us = state.interval_us
        self._stretch = state.stretch
        self._waiting = list(state.waiting)
        self._newest_us = state.newest_us
        self._last_order = state.last_order
        self._frames = state.frames
        self._late = state.late
        naming = Naming(state.stream, state.settings_id)
        self._people = PeopleRun(fold.people, naming, state.people) if fold.people and state.people else None
        self._episodes: dict[str, Episode] = {}
        self._stretches: dict[int, Stretch] = {}

    def take(self, frame: SeenFrame) -> None:
        """Take a frame in; fold those that no frame still to come may precede."""
        newest_us = frame.timestamp_us if self._newest_us is None else max(self._newest_us, frame.timestamp_us)
        self._newest_us = newest_us
        oldest_us = newest_us - self._fold.lateness_us
        if frame.timestamp_us < oldest_us or (self._last_order is not None and _order(frame) <= self._last_order):
            self._late += 1
            return
        place = bisect_left(self._waiting, _order(frame), key=_order)
        if place < len(self._waiting) and _order(self._waiting[place]) == _order(frame):
            self._late += 1
            return
        self._waiting.insert(place, self._fold.relevant(frame))
        while self._waiting and (self._waiting[0].timestamp_us < oldest_us or len(self._waiting) > MOST_WAITING):
            self._fold_frame(self._waiting.pop(0))

    def drain(self) -> None:
        """Fold all frames that wait; let the last one stand for as long as the one before it."""
        while self._waiting:
            self._fold_frame(self._waiting.pop(0))
        if self._held is not None:
            held = self._held
            self._pass(held.timestamp_us, held.timestamp_us + self._interval_us, held.observation, held.used)

    def done(self) -> tuple[FoldState, Changes]:
        """Return the state as it stands, and all changes."""
        for now, before in zip(self._lanes, self._state.lanes, strict=True):
            if now is before or _told(now) == _told(before):
                continue
            episode = opened(self._state, now)
            if episode is not None:
                self._episodes[episode.episode_id] = episode
        if self._stretch is not None and self._stretch != self._state.stretch:
            self._note_stretch(self._stretch)
        people, violations, exposures = self._people.done() if self._people else (None, (), ())
        state = replace(
            self._state,
            lanes=tuple(self._lanes),
            motion=self._motion,
            held=self._held,
            interval_us=self._interval_us,
            stretch=self._stretch,
            waiting=tuple(self._waiting),
            newest_us=self._newest_us,
            last_order=self._last_order,
            frames=self._frames,
            late=self._late,
            people=people,
        )
        return state, Changes(tuple(self._episodes.values()), tuple(self._stretches.values()), violations, exposures)

    def _fold_frame(self, frame: SeenFrame) -> None:
        self._settle(frame)
        used: tuple[Use, ...] = ()
        if frame.observation is Observation.OBSERVED:
            self._motion, used = self._fold.signal.decide(self._motion, frame)
            if self._people:
                self._people.look(frame)
        else:
            self._motion = ()
        self._held = NewestFrame(frame.timestamp_us, frame.observation, used)
        self._last_order = _order(frame)
        self._frames += 1

    def _settle(self, following: SeenFrame) -> None:
        """Pass the time from the held frame up to the following one."""
        if self._held is None:
            return
        held, next_us = self._held, following.timestamp_us
        until_us = min(next_us, held.timestamp_us + self._fold.gap_us)
        self._pass(held.timestamp_us, until_us, held.observation, held.used)
        if until_us == next_us:
            self._interval_us = next_us - held.timestamp_us
        else:
            dropped = following.observation is Observation.DROPPED
            self._pass(until_us, next_us, Observation.DROPPED if dropped else None, ())
            self._motion = ()

    def _pass(self, start_us: int, end_us: int, observation: Observation | None, used: Sequence[Use]) -> None:
        """Pass an interval of time; an observation of None is time without frames."""
        if start_us == end_us:
            return
        self._extend_stretch(start_us, end_us, observation)
        uses = used if observation is Observation.OBSERVED else (None,) * len(self._lanes)
        for number, (lane, in_use) in enumerate(zip(self._lanes, uses, strict=True)):
            if not in_use and lane.start_us is None and lane.undecided_us is None:
                continue  # as `step` says, of most lanes at most times
            after, ended = step(lane, start_us, end_us, in_use, *self._fold.times_us[number])
            self._lanes[number] = after
            if ended is not None:
                episode = closed(self._state, lane, ended)
                self._episodes[episode.episode_id] = episode
        if self._people:
            self._people.pass_time(start_us, end_us, observed=observation is Observation.OBSERVED)

    def _extend_stretch(self, start_us: int, end_us: int, observation: Observation | None) -> None:
        now = self._stretch
        if now is not None and now.observation is observation and now.end_us == start_us:
            self._stretch = OpenStretch(now.start_us, end_us, now.observation)
            return
        if now is not None:
            self._note_stretch(now)
        self._stretch = None if observation is None else OpenStretch(start_us, end_us, observation)

    def _note_stretch(self, stretch: OpenStretch) -> None:
        whole = Stretch(self._state.stream, stretch.start_us, stretch.end_us, stretch.observation)
        self._stretches[whole.start_us] = whole


def _told(lane: LaneState) -> tuple[object, ...]:
    """Return what an open episode tells of its lane."""
    return lane.opened, lane.start_us, lane.last_us, lane.seen_us


def _plain(detection: Detection) -> Detection:
    """Return a detection with Python's own numbers, as it comes back from JSON."""
    numbers = detection.confidence, detection.x1, detection.y1, detection.x2, detection.y2
    if type(detection.class_id) is int and set(map(type, numbers)) == _FLOAT:
        return detection
    return Detection(int(detection.class_id), *map(float, numbers))


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def _order(frame: SeenFrame) -> tuple[int, int]:
    return frame.timestamp_us, frame.frame_index
