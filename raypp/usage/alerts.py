"""Alerts: what rules say of what a ledger is about to hold, against what it held before. Pure.

An alert is raised where something passes an edge: it was not there and is, it had not lasted for long enough and has,
it went on and is over. So one edge raises one alert, however the frames came in chunks.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from raypp.usage.alert_rules import OF_EPISODES, OF_VIOLATIONS, AlertKind, AlertRule
from raypp.usage.episode import Episode, EpisodeState, Stretch
from raypp.usage.observation import Observation
from raypp.usage.violation import Violation

ALERT_ID_HEX = 32


@dataclass(frozen=True, slots=True)
class Alert:
    """One event that somebody is to be told of.

    Attributes:
        alert_id: 32 hex digits of what fixes it; the same event has the same id whenever it is found.
        kind: of the event.
        rule: name of the rule that asks for it.
        site: where.
        camera: of which camera; empty: the whole site.
        moment_us: when it happened, microseconds since 1970.
        content: what else a receiver is told, as JSON has it.
        channels: who gets it.
    """

    alert_id: str
    kind: AlertKind
    rule: str
    site: str
    camera: str
    moment_us: int
    content: Mapping[str, Any] = field(hash=False)
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lasting:
    """Anything that begins, lasts and ends: times in microseconds, the end exclusive.

    Attributes:
        start_us, end_us: since when, and until when it is known to last.
        over: whether it has ended for good.
    """

    start_us: int
    end_us: int
    over: bool


class Edge(Enum):
    """Edges that anything passes that begins, lasts and ends."""

    OPENED = "opened"
    LASTS = "lasts"
    ENDED = "ended"


EDGES = {
    AlertKind.EPISODE_OPENED: Edge.OPENED,
    AlertKind.EPISODE_LASTS: Edge.LASTS,
    AlertKind.EPISODE_ENDED: Edge.ENDED,
    AlertKind.VIOLATION_OPENED: Edge.OPENED,
    AlertKind.VIOLATION_LASTS: Edge.LASTS,
    AlertKind.VIOLATION_ENDED: Edge.ENDED,
    AlertKind.CAMERA_BLIND: Edge.LASTS,
}


def passed_at(edge: Edge, now: Lasting, before: Lasting | None, longer_than_us: int) -> int | None:
    """Say when something passed an edge, if it has now and had not before; else None.

    Args:
        edge: which.
        now: as it is about to be written.
        before: as the ledger holds it; None where it was not there.
        longer_than_us: of LASTS, how long.
    """
    if edge is Edge.OPENED:
        return now.start_us if before is None else None
    if edge is Edge.ENDED:
        return now.end_us if now.over and not (before is not None and before.over) else None
    limit_us = now.start_us + longer_than_us
    reached_us = now.start_us if before is None else before.end_us
    return limit_us if reached_us <= limit_us < now.end_us else None


def episode_alerts(
    rules: Iterable[AlertRule], episodes: Iterable[Episode], before: Mapping[str, Lasting]
) -> list[Alert]:
    """Say which alerts episodes raise that are about to be written.

    Args:
        rules: of the site.
        episodes: as they will be.
        before: as the ledger holds them, by episode_id.
    """
    wanted = [rule for rule in rules if rule.when in OF_EPISODES]
    alerts = []
    for episode in episodes:
        stream, was = episode.stream, before.get(episode.episode_id)
        now = Lasting(episode.start_us, episode.end_us, episode.state is EpisodeState.FINAL)
        matching = [rule for rule in wanted if not rule.tools or episode.tool in rule.tools]
        for rule, moment_us in _passed(matching, stream.camera, now, was):
            content = {"episode": _episode_content(episode)}
            alerts.append(raised(rule, stream.site, stream.camera, moment_us, content, episode.episode_id))
    return alerts


def violation_alerts(
    rules: Iterable[AlertRule], violations: Iterable[Violation], before: Mapping[str, Lasting]
) -> list[Alert]:
    """Say which alerts violations raise that are about to be written.

    Args:
        rules: of the site.
        violations: as they will be.
        before: as the ledger holds them, by violation_id.
    """
    wanted = [rule for rule in rules if rule.when in OF_VIOLATIONS]
    alerts = []
    for violation in violations:
        stream, was = violation.stream, before.get(violation.violation_id)
        now = Lasting(violation.start_us, violation.end_us, violation.state is EpisodeState.FINAL)
        matching = [rule for rule in wanted if rule.covers(violation.zone, violation.item)]
        for rule, moment_us in _passed(matching, stream.camera, now, was):
            content = {"violation": _violation_content(violation)}
            alerts.append(raised(rule, stream.site, stream.camera, moment_us, content, violation.violation_id))
    return alerts


def blind_alerts(rules: Iterable[AlertRule], stretches: Sequence[Stretch], before: Mapping[int, int]) -> list[Alert]:
    """Say which alerts the stretches of one stream raise: of time without a break in which its camera did not see.

    Args:
        rules: of the site.
        stretches: the latest of the stream, by start, as they will be.
        before: end of each that the ledger holds, by its start.
    """
    wanted = [rule for rule in rules if rule.when is AlertKind.CAMERA_BLIND]
    alerts = []
    for run in _blind_runs(stretches) if wanted else ():
        stream, start_us = run[0].stream, run[0].start_us
        now = Lasting(start_us, run[-1].end_us, over=False)
        ends = [before[stretch.start_us] for stretch in run if stretch.start_us in before]
        was = Lasting(start_us, max(ends), over=False) if ends else None
        for rule, moment_us in _passed(wanted, stream.camera, now, was):
            seen_as = sorted({stretch.observation.name.lower() for stretch in run})
            content = {"start_us": start_us, "observations": seen_as, "longer_than_s": rule.longer_than_s}
            what = f"{stream.epoch}/{start_us}"
            alerts.append(raised(rule, stream.site, stream.camera, moment_us, content, what))
    return alerts


def raised(rule: AlertRule, site: str, camera: str, moment_us: int, content: Mapping[str, Any], what: str) -> Alert:
    """Raise the alert of a rule.

    Args:
        rule: the rule.
        site: where.
        camera: of which camera; empty: the whole site.
        moment_us: when.
        content: what else a receiver is told.
        what: what it is about, by a name that no other thing of the camera has.
    """
    parts = (rule.when.value, rule.name, str(rule.longer_than_us), site, camera, what)
    alert_id = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:ALERT_ID_HEX]
    return Alert(alert_id, rule.when, rule.name, site, camera, moment_us, content, rule.to)


def _passed(
    rules: Iterable[AlertRule], camera: str, now: Lasting, before: Lasting | None
) -> Iterator[tuple[AlertRule, int]]:
    """Say of which rules about a camera something has now passed the edge, and when."""
    for rule in rules:
        moment_us = passed_at(EDGES[rule.when], now, before, rule.longer_than_us)
        if moment_us is not None and rule.concerns(camera):
            yield rule, moment_us


def _blind_runs(stretches: Sequence[Stretch]) -> list[list[Stretch]]:
    runs: list[list[Stretch]] = []
    end_us = None
    for stretch in stretches:
        if stretch.observation is not Observation.OBSERVED:
            if end_us != stretch.start_us:
                runs.append([])
            runs[-1].append(stretch)
            end_us = stretch.end_us
        else:
            end_us = None
    return runs


def _episode_content(episode: Episode) -> dict[str, Any]:
    return {
        "episode_id": episode.episode_id,
        "tool": episode.tool,
        "station": episode.station,
        "start_us": episode.start_us,
        "end_us": episode.end_us,
        "seen_s": episode.seen_us / 1e6,
        "state": episode.state.name.lower(),
        "reason": None if episode.reason is None else episode.reason.name.lower(),
    }


def _violation_content(violation: Violation) -> dict[str, Any]:
    """Say all of a violation but the number of the person's track, which means nothing outside of the stream."""
    return {
        "violation_id": violation.violation_id,
        "kind": violation.kind.name.lower(),
        "zone": violation.zone,
        "item": violation.item,
        "start_us": violation.start_us,
        "end_us": violation.end_us,
        "seen_us": violation.seen_us,
        "sure": violation.sure,
        "state": violation.state.name.lower(),
        "reason": None if violation.reason is None else violation.reason.name.lower(),
    }
