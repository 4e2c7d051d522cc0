"""The people of one stream while frames are folded: the parts of the state while they change."""

from dataclasses import replace

from raypp.usage.body import Body
from raypp.usage.episode import CloseReason
from raypp.usage.exposure import ExposureBook
from raypp.usage.hysteresis import Ended, LaneState, step
from raypp.usage.observation import SeenFrame
from raypp.usage.people import MOST_PEOPLE, PersonTrack, has_left, matches, moved
from raypp.usage.people_fold import PeopleFold
from raypp.usage.people_state import Naming, PeopleState, lane_state, violation_lane
from raypp.usage.use import Use
from raypp.usage.violation import CannotTell, Exposure, Violation, ViolationKind
from raypp.usage.wearing import Wearing, Worn, keep_silent, weigh

_USE = {int(Worn.WORN): Use.NO, int(Worn.NOT_WORN): Use.YES, int(Worn.CANNOT_TELL): None}


class PeopleRun:
    """One call of advance, for the people.

    Args:
        fold: the camera's rules.
        naming: the stream and its settings.
        state: the state before.
    """

    def __init__(self, fold: PeopleFold, naming: Naming, state: PeopleState) -> None:
        self._fold = fold
        self._naming = naming
        self._state = state
        self._tracks = list(state.tracks)
        self._next = state.next_number
        self._until_us = state.until_us
        self._book = ExposureBook(state.exposures)
        self._lanes: dict[int, dict[int, tuple[LaneState, int]]] = {}
        for lane in state.lanes:
            of_track = self._lanes.setdefault(lane.track, {})
            of_track[lane.rule] = lane_state(lane, state.rules[lane.rule]), lane.sure_us
        self._violations: dict[str, Violation] = {}

    def look(self, frame: SeenFrame) -> None:
        """Take an observed frame in."""
        at_us = frame.timestamp_us
        bodies, evidence = self._fold.look(frame.detections)
        of_track = matches(self._tracks, bodies, at_us)
        tracks = []
        for place, track in enumerate(self._tracks):
            if place in of_track:
                number = of_track[place]
                tracks.append(self._seen(track, bodies[number], [says[number] for says in evidence], at_us))
            elif has_left(track) and track.missing_us is None:
                self._drop(track)
            else:
                tracks.append(_missing(track, at_us))
        known = set(of_track.values())
        for number, body in enumerate(bodies):
            if number not in known:
                fresh = PersonTrack(self._next, body, 0.0, 0.0, 0.0, at_us, at_us, None, False, (), ())
                fresh = fresh._replace(worn=(Wearing(),) * len(self._state.items))
                self._next += 1
                tracks.append(self._seen(fresh, body, [says[number] for says in evidence], at_us))
        self._tracks = self._room_for(tracks)

    def pass_time(self, start_us: int, end_us: int, *, observed: bool) -> None:
        """Pass an interval of time, for which the frame before it stands if it is observed."""
        self._book.turn(end_us)
        self._until_us = end_us
        tracks = []
        for track in self._tracks:
            now = track if observed else _missing(track, start_us)._replace(is_blind=True)
            if now.missing_us is None:
                tracks.append(self._pass_seen(now, start_us, end_us))
            elif end_us - now.missing_us > self._fold.missing_us:
                self._drop(now)
            else:
                tracks.append(now)
                self._step_all(now, start_us, end_us)
        self._tracks = tracks
        self._pass_zones(start_us, end_us, observed=observed)

    def done(self) -> tuple[PeopleState, tuple[Violation, ...], tuple[Exposure, ...]]:
        """Return the state as it stands, and what has changed."""
        rules = self._state.rules
        lanes = tuple(
            violation_lane(rule, track, *of_track[rule])
            for track, of_track in sorted(self._lanes.items())
            for rule in sorted(of_track)
        )
        before = {self._naming.of_lane(rules, lane, None) for lane in self._state.lanes}
        for lane in lanes:
            violation = self._naming.of_lane(rules, lane, None)
            if violation is not None and violation not in before:
                self._violations[violation.violation_id] = violation
        state = replace(
            self._state,
            next_number=self._next,
            until_us=self._until_us,
            tracks=tuple(self._tracks),
            lanes=lanes,
            exposures=self._book.kept(),
        )
        return state, tuple(self._violations.values()), self._book.changed(self._naming.stream)

    def _seen(self, track: PersonTrack, body: Body, says: list[float | CannotTell], at_us: int) -> PersonTrack:
        """Return a person's track with the body found on a frame."""
        worn = list(track.worn)
        if track.missing_us is not None and at_us - track.missing_us > self._fold.hold_us:
            lost = Wearing(doubt=CannotTell.BLIND if track.is_blind else CannotTell.HIDDEN)
            for number, now in enumerate(worn):
                worn[number] = self._settle(track, number, now, lost, at_us)
        zones = self._fold.zones_at(body, at_us)
        if zones != track.zones:
            for number, now in enumerate(worn):
                if now.since_us is not None:
                    worn[number] = self._settle(track, number, now, now._replace(since_us=None), at_us)
            self._leave(track, zones, at_us)
        for number, (now, evidence) in enumerate(zip(worn, says, strict=True)):
            if isinstance(evidence, CannotTell):
                after = keep_silent(now, evidence, at_us)
            else:
                after = weigh(now, evidence, at_us)
            worn[number] = after
            if now.since_us is not None and after.since_us is None:
                self._count(zones, number, now.since_us, at_us, after)
        return moved(track, body, at_us, zones, tuple(worn))

    def _settle(self, track: PersonTrack, number: int, now: Wearing, as_: Wearing, at_us: int) -> Wearing:
        """Decide a person's undecided time about an item, in the zones where the person was."""
        if now.since_us is not None:
            self._count(track.zones, number, now.since_us, at_us, as_)
            for rule in self._rules_about(track.zones, number):
                if self._is_undecided(rule, track.number):
                    self._step(rule, track.number, (at_us, at_us), _USE[as_.state], as_.sureness)
        return as_

    def _leave(self, track: PersonTrack, zones: tuple[int, ...], at_us: int) -> None:
        """Say of undecided time in zones that a person has left that nobody saw it."""
        for zone in track.zones:
            if zone not in zones:
                for rule in self._fold.rules_of[zone]:
                    if self._is_undecided(rule, track.number):
                        self._step(rule, track.number, (at_us, at_us), None, 0.0)

    def _is_undecided(self, rule: int, track: int) -> bool:
        known = self._lanes.get(track, {}).get(rule)
        return known is not None and known[0].undecided_us is not None

    def _count(self, zones: tuple[int, ...], number: int, start_us: int, end_us: int, now: Wearing) -> None:
        for zone in zones:
            place = self._fold.places[zone].get(number)
            if place is not None:
                self._book.add(place, start_us, end_us, now)

    def _pass_seen(self, track: PersonTrack, start_us: int, end_us: int) -> PersonTrack:
        if not track.zones and all(now.since_us is None for now in track.worn):
            self._step_all(track, start_us, end_us)
            return track
        for number, now in enumerate(track.worn):
            if now.since_us is None:
                self._count(track.zones, number, start_us, end_us, now)
            elif now.is_silent and end_us - now.since_us > self._fold.hold_us:
                after = Wearing(doubt=now.doubt)
                self._count(track.zones, number, now.since_us, end_us, after)
                track = track._replace(worn=(*track.worn[:number], after, *track.worn[number + 1 :]))
        self._step_all(track, start_us, end_us)
        return track

    def _step_all(self, track: PersonTrack, start_us: int, end_us: int) -> None:
        """Take all lanes of a person over an interval; one who is not seen is undecided."""
        lanes = self._lanes.get(track.number)
        interval = start_us, end_us
        here = [rule for zone in track.zones for rule in self._fold.persons_rules[zone]]
        for rule, number in here:
            use: Use | None = Use.YES
            if number is None:
                sure = track.body.confidence
            else:
                now = track.worn[number]
                use = _USE[now.state] if now.since_us is None else Use.UNDECIDED
                if (use is None or use is Use.NO) and (lanes is None or rule not in lanes):
                    continue
                sure = now.sureness
            self._step(rule, track.number, interval, use if track.missing_us is None else Use.UNDECIDED, sure)
        if lanes:
            for rule in sorted(set(lanes) - {rule for rule, _ in here}):
                self._step(rule, track.number, interval, Use.NO, 0.0)

    def _pass_zones(self, start_us: int, end_us: int, *, observed: bool) -> None:
        """Take the rules about how many people are in a zone over an interval."""
        for zone, rules in enumerate(self._fold.zones_rules):
            if not rules:
                continue
            there = [track for track in self._tracks if zone in track.zones]
            seen = sum(track.missing_us is None for track in there)
            for rule in rules:
                kind = self._state.rules[rule].kind
                used = self._violated(kind, zone, seen)
                if not observed or used != self._violated(kind, zone, len(there)):
                    used = Use.UNDECIDED if there or observed else None
                sure = min((track.body.confidence for track in there), default=1.0)
                self._step(rule, 0, (start_us, end_us), used, sure)

    def _violated(self, kind: int, zone: int, people: int) -> Use | None:
        most = self._fold.most_people(zone)
        return Use(people == 1 if kind == ViolationKind.ALONE else most is not None and people > most)

    def _step(self, rule: int, track: int, interval: tuple[int, int], used: Use | None, sure: float) -> None:
        """Take one lane over an interval."""
        lanes = self._lanes.setdefault(track, {})
        known = lanes.get(rule)
        if known is None:
            if used is None or used is Use.NO:
                return
            known = LaneState(self._state.rules[rule].item, self._state.rules[rule].zone), 0
        lane, sure_us = known
        after, ended = step(lane, *interval, used, *self._fold.times_us[rule])
        if ended is not None:
            self._note(rule, track, ended, sure_us)
        if after.start_us is None and after.undecided_us is None:
            lanes.pop(rule, None)
            return
        is_same = after.start_us == lane.start_us
        grown_us = round(sure * (after.seen_us - (lane.seen_us if is_same else 0)))
        lanes[rule] = after, (sure_us if is_same else 0) + grown_us

    def _drop(self, track: PersonTrack) -> None:
        """Follow a person no more; undecided time is left out."""
        reason = CloseReason.ENDED if has_left(track) else CloseReason.NOT_OBSERVED
        for rule, (lane, sure_us) in self._lanes.pop(track.number, {}).items():
            if lane.opened and lane.start_us is not None:
                self._note(rule, track.number, Ended(lane.start_us, lane.last_us, lane.seen_us, reason), sure_us)

    def _note(self, rule: int, track: int, ended: Ended, sure_us: int) -> None:
        violation = self._naming.violation(self._state.rules[rule], track, ended, sure_us)
        self._violations[violation.violation_id] = violation

    def _rules_about(self, zones: tuple[int, ...], item: int) -> list[int]:
        name = self._state.items[item]
        return [rule for zone in zones for rule in self._fold.rules_of[zone] if self._state.rules[rule].item == name]

    def _room_for(self, tracks: list[PersonTrack]) -> list[PersonTrack]:
        if len(tracks) <= MOST_PEOPLE:
            return tracks
        kept = {track.number for track in sorted(tracks, key=lambda t: (-t.seen_us, t.number))[:MOST_PEOPLE]}
        for track in tracks:
            if track.number not in kept:
                self._drop(track)
        return [track for track in tracks if track.number in kept]


def _missing(track: PersonTrack, at_us: int) -> PersonTrack:
    """Return the track of somebody who is not seen any more."""
    if track.missing_us is not None:
        return track
    worn = tuple(now if now.since_us is not None else now._replace(since_us=at_us) for now in track.worn)
    return track._replace(missing_us=at_us, worn=worn)
