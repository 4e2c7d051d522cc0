"""The part of a fold's state that is about people: bounded, and the same after a trip through JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.exposure import ExposureBook, KeptExposure
from raypp.usage.hysteresis import Ended, LaneState
from raypp.usage.people import PersonTrack
from raypp.usage.violation import Exposure, Violation, ViolationKind, violation_id


class ZoneRule(NamedTuple):
    """One rule of one zone, as far as a stream that ends has to know it.

    Attributes:
        kind: a `ViolationKind`.
        zone: name of the zone.
        item: the item that it requires; empty for other rules.
        grace_us: how long a person may go without.
    """

    kind: int
    zone: str
    item: str
    grace_us: int


class ViolationLane(NamedTuple):
    """One rule and one person through time: a lane as `raypp.usage.hysteresis` takes it, and how sure it is.

    Attributes:
        rule: number of the rule.
        track: the person's; 0 where the rule is not one person's.
        start_us, last_us, seen_us, off_us, opened, undecided_us: see `LaneState`.
        sure_us: seen time, weighed by how sure it was.
    """

    rule: int
    track: int
    start_us: int | None
    last_us: int
    seen_us: int
    off_us: int | None
    opened: bool
    undecided_us: int | None
    sure_us: int


@dataclass(frozen=True, slots=True)
class PeopleState:
    """Everybody before one camera, and what is under way.

    Attributes:
        zones: names of the zones; tracks tell them by number.
        items: names of the items that zones require; tracks tell of them in this order.
        rules: all rules of the zones; lanes tell them by number.
        next_number: of the next person who comes.
        until_us: up to when time has passed.
        tracks: everybody followed.
        lanes: those that are not at rest.
        exposures: rows that may still grow.
    """

    zones: tuple[str, ...]
    items: tuple[str, ...]
    rules: tuple[ZoneRule, ...]
    next_number: int = 1
    until_us: int = 0
    tracks: tuple[PersonTrack, ...] = ()
    lanes: tuple[ViolationLane, ...] = ()
    exposures: tuple[KeptExposure, ...] = ()

    def required(self, zone: int) -> Iterator[tuple[int, tuple[str, str]]]:
        """For each item that a zone requires its number, and the zone's and its name."""
        for rule in self.rules:
            if rule.kind == ViolationKind.NOT_WORN and rule.zone == self.zones[zone]:
                yield self.items.index(rule.item), (rule.zone, rule.item)


@dataclass(frozen=True, slots=True)
class Naming:
    """Facts that name a violation beside its own: the stream, and the settings it was found with."""

    stream: StreamName
    settings_id: str

    def violation(
        self, rule: ZoneRule, track: int, ended: Ended, sure_us: int, state: EpisodeState = EpisodeState.FINAL
    ) -> Violation:
        """Return the violation of a lane that has ended, or is open and stands there now."""
        kind, start_us = ViolationKind(rule.kind), ended.start_us + rule.grace_us
        return Violation(
            violation_id(self.stream, (kind, rule.zone, rule.item), track, start_us, self.settings_id),
            self.stream,
            kind,
            rule.zone,
            rule.item,
            track,
            start_us,
            ended.end_us,
            ended.seen_us - rule.grace_us,
            round(sure_us / ended.seen_us, 4),
            state,
            ended.reason if state is EpisodeState.FINAL else None,
        )

    def of_lane(self, rules: tuple[ZoneRule, ...], lane: ViolationLane, reason: CloseReason | None) -> Violation | None:
        """Return the violation of an open lane: closed for a reason, or open without one."""
        if not lane.opened or lane.start_us is None:
            return None
        state = EpisodeState.OPEN if reason is None else EpisodeState.FINAL
        ended = Ended(lane.start_us, lane.last_us, lane.seen_us, reason or CloseReason.ENDED)
        return self.violation(rules[lane.rule], lane.track, ended, lane.sure_us, state)


def lane_state(lane: ViolationLane, rule: ZoneRule) -> LaneState:
    """Return a lane as `step` takes it."""
    _, _, start_us, last_us, seen_us, off_us, opened, undecided_us, _ = lane
    return LaneState(rule.item, rule.zone, start_us, last_us, seen_us, off_us, opened, undecided_us)


def violation_lane(rule: int, track: int, lane: LaneState, sure_us: int) -> ViolationLane:
    """Return a lane as the state keeps it."""
    times = (lane.start_us, lane.last_us, lane.seen_us, lane.off_us, lane.opened, lane.undecided_us)
    return ViolationLane(rule, track, *times, sure_us)


def close_people(
    state: PeopleState, naming: Naming, reason: CloseReason
) -> tuple[PeopleState, tuple[Violation, ...], tuple[Exposure, ...]]:
    """End all that is under way, from the state alone. Undecided time of people who are seen is as what held before.

    Returns:
        The state without people, the violations closed, and the exposure that was still to be counted.
    """
    violations = [naming.of_lane(state.rules, lane, reason) for lane in state.lanes]
    book = ExposureBook(state.exposures)
    for track in state.tracks:
        if track.missing_us is None:
            for zone in track.zones:
                for number, place in state.required(zone):
                    now = track.worn[number]
                    if now.since_us is not None:
                        book.add(place, now.since_us, state.until_us, now)
    closed = tuple(violation for violation in violations if violation is not None)
    return replace(state, tracks=(), lanes=(), exposures=()), closed, book.changed(naming.stream)
