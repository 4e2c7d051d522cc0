"""Executions that are final: nothing that may still come changes what is said of them. Pure.

At each place they are settled in the order of their starts, so that one moment says which are settled: all that began
before it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from raypp.procedure.executions import Execution, overlapping
from raypp.procedure.judging import executions_at
from raypp.procedure.places import WorkPlace, work_places
from raypp.procedure.prescription import Prescription
from raypp.procedure.verdict import ExecutionOutcome, Judge, Judgement
from raypp.usage.coverage import sights
from raypp.usage.episode import CloseReason, Episode, EpisodeState, Stretch
from raypp.usage.overlap import counted_once
from raypp.usage.settings import SiteSettings

DAY_US = 86_400_000_000
ENDED_WAIT_US = 600_000_000
"""A camera whose streams have all ended is waited for so long: its next recording may go on where that one ended."""


@dataclass(frozen=True, slots=True)
class CameraProgress:
    """How far a camera is known.

    Attributes:
        folded_us: event time up to which its frames are folded.
        quiet_us: how long it has committed nothing, processing time.
        ended: whether all its streams have ended.
    """

    folded_us: int
    quiet_us: int
    ended: bool

    def is_awaited(self, wait_us: int) -> bool:
        """Say whether what it has not sent yet is waited for, if silent cameras are for so long."""
        return self.quiet_us <= (ENDED_WAIT_US if self.ended else wait_us)


@dataclass(frozen=True, slots=True)
class WatchedPlace:
    """A place of a procedure, and how far it is known and settled.

    Attributes:
        prescription: the procedure.
        place: the place.
        gone: its cameras that are not waited for.
        until_us: event time up to which everything is known; where no camera is waited for, the present.
        newest_us: event time of the latest that is known.
        over: whether no camera is waited for.
        settled_us: executions that began before are settled; None where nobody asks for those of this procedure.
    """

    prescription: Prescription
    place: WorkPlace
    gone: frozenset[str]
    until_us: int
    newest_us: int
    over: bool
    settled_us: int | None

    @property
    def key(self) -> tuple[str, str]:
        """Name it by procedure and place; the same whatever cameras join a place that all cameras watch together."""
        rules = self.prescription.rules
        return rules.name, f"{'' if rules.together else self.place.cameras[0]}/{self.place.station}"

    @property
    def range_us(self) -> tuple[int, int]:
        """Event time, end exclusive, of what has to be read for it: a day more, so that executions are whole."""
        return max(0, (self.settled_us or 0) - DAY_US), self.newest_us + 1


def watched_places(
    settings: SiteSettings,
    progress: Mapping[str, CameraProgress],
    settled: Mapping[tuple[str, str], int],
    waits_us: Mapping[str, int],
    now_us: int,
) -> list[WatchedPlace]:
    """List the places of a site's procedures.

    Args:
        settings: of the site.
        progress: of each camera that has sent anything.
        settled: how far executions are settled, by `WatchedPlace.key`, or by procedure and "" for all other places.
        waits_us: of each procedure that is asked for, how long silent cameras are waited for.
        now_us: processing time.
    """
    places = []
    for rules in settings.procedures:
        prescription = Prescription(rules)
        for place in work_places(prescription, settings, progress):
            known = {camera: progress[camera] for camera in place.cameras if camera in progress}
            if not known:
                continue
            wait_us = waits_us.get(rules.name, 0)
            awaited = {name: camera for name, camera in known.items() if camera.is_awaited(wait_us)}
            newest_us = max(camera.folded_us for camera in known.values())
            until_us = min((camera.folded_us for camera in awaited.values()), default=max(newest_us, now_us))
            gone = frozenset(known.keys() - awaited.keys())
            watched = WatchedPlace(prescription, place, gone, until_us, newest_us, not awaited, None)
            default_us = settled.get((rules.name, ""))
            is_watched = rules.name in waits_us and default_us is not None
            places.append(replace(watched, settled_us=settled.get(watched.key, default_us)) if is_watched else watched)
    return places


def read_together(places: Iterable[WatchedPlace]) -> list[list[WatchedPlace]]:
    """Group the places that are asked for so that what is read for a group is one range of time, and not years."""
    groups: list[list[WatchedPlace]] = []
    end_us = -1
    for place in sorted(places, key=lambda place: place.range_us):
        if place.settled_us is None:
            continue
        if place.range_us[0] > end_us:
            groups.append([])
        groups[-1].append(place)
        end_us = max(end_us, place.range_us[1])
    return groups


@dataclass(frozen=True, slots=True)
class Settled:
    """Newly settled executions at one place.

    Attributes:
        watched: the place.
        until_us: executions that began before are settled now.
        deviating: those of the newly settled that were not done as prescribed.
        pending: whether there are others that are not final yet.
    """

    watched: WatchedPlace
    until_us: int
    deviating: tuple[Judgement, ...]
    pending: bool


def settle(
    settings: SiteSettings,
    group: Collection[WatchedPlace],
    places: Iterable[WatchedPlace],
    episodes: Iterable[Episode],
    stretches: Sequence[Stretch],
) -> Iterator[Settled]:
    """Settle the executions at some places that are final and were not settled.

    Args:
        settings: of the site.
        group: the places.
        places: all of the site, as executions at one place at the same time cannot be told apart.
        episodes: in the range of the group, in any order.
        stretches: likewise.

    Raises:
        OptionError: if pm4py is not installed, and something is to be compared.
    """
    once, _ = counted_once(episodes, stretches)
    seen = sights(stretches, {episode.stream.camera for episode in once})
    at_places = {}
    for watched in places:
        known = [_cut(episode, watched.gone) for episode in once] if watched.gone else once
        at_places[watched.key] = executions_at(
            watched.prescription, settings, watched.place, known, seen, watched.until_us
        )
    all_places = [execution for own in at_places.values() for execution in own]
    doubtful = {execution for pair in overlapping(all_places) for execution in pair}
    judges: dict[str, Judge] = {}
    for watched in group:
        own = at_places[watched.key]
        final = list(_final(own, watched, settings))
        deviating = []
        for execution in final:
            if execution.start_us < (watched.settled_us or 0) or execution in doubtful:
                continue
            name = watched.prescription.rules.name
            judge = judges.get(name) or judges.setdefault(name, Judge(watched.prescription, settings, seen))
            judgement = judge.judge(execution)
            if judgement.outcome is ExecutionOutcome.DEVIATING:
                deviating.append(judgement)
        yield Settled(watched, _until_us(own, final, watched), tuple(deviating), len(final) < len(own))


def _final(executions: Sequence[Execution], watched: WatchedPlace, settings: SiteSettings) -> Iterator[Execution]:
    """List the executions at a place that are final, up to the first that is not."""
    rules = watched.prescription.rules.execution
    settles_us = _settles_us(watched.prescription, settings)
    endless = rules.begins is not None and rules.gap_s is None
    for execution, following in zip_longest(executions, executions[1:]):
        # without a pause that ends it, what comes before the next one may belong to it
        over_us = (following.start_us if following else None) if endless else execution.to_us
        if execution.open or any(use.open for use in execution.uses):
            final = watched.over and not rules.shift
        else:
            final = watched.over or (over_us is not None and over_us + settles_us <= watched.until_us)
        if not final:
            return
        yield execution


def _settles_us(prescription: Prescription, settings: SiteSettings) -> int:
    """Return for how long a use may have begun, or an ended one may go on, before that is known."""
    unknown_s = max((rule.min_on_s for rule in settings.tools), default=0.0)
    return round((unknown_s + max(step.max_gap_s for step in prescription.steps)) * 1e6)


def _until_us(executions: Sequence[Execution], final: Sequence[Execution], watched: WatchedPlace) -> int:
    """Say up to which start all are settled; where nothing is under way, up to a day before the latest."""
    known_us = watched.newest_us if watched.over else watched.until_us
    begun = [execution.start_us for execution in executions[len(final) :]]
    settled_us = max(watched.settled_us or 0, min([known_us - DAY_US, *begun]))
    return max(settled_us, final[-1].start_us + 1) if final else settled_us


def _cut(episode: Episode, gone: Collection[str]) -> Episode:
    """Take a use that nobody will see the end of as one that was cut."""
    if episode.state is EpisodeState.FINAL or episode.stream.camera not in gone:
        return episode
    return replace(episode, state=EpisodeState.FINAL, reason=CloseReason.NOT_OBSERVED)
