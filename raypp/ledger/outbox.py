"""The outbox: alerts are written in the transaction of what raises them, so none is lost and none is raised in vain."""

import json
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, bindparam, select

from raypp.ledger.delivery import DeliveryState
from raypp.ledger.prepared import Prepared
from raypp.ledger.statements import put
from raypp.ledger.tables import EpisodeRow, OutboxRow, SiteRow, StretchRow, ViolationRow
from raypp.usage.alert_rules import OF_EPISODES, OF_VIOLATIONS, STORED_RULES, AlertKind, AlertRule
from raypp.usage.alerts import Alert, Lasting, blind_alerts, episode_alerts, violation_alerts
from raypp.usage.episode import Episode, EpisodeState, StreamName, Stretch
from raypp.usage.observation import Observation
from raypp.usage.quiet import WhenQuiet
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes
from raypp.usage.violation import Violation

_LONGEST_RUN = 1000
"""Stretches back to which the beginning of a blind time is sought: one that alternates more often begins anew."""
_OBSERVED = int(Observation.OBSERVED)
_RULES = Prepared(lambda _: select(SiteRow.alerts).where(SiteRow.name == bindparam("site")))
_EPISODE = Prepared(
    lambda _: select(EpisodeRow.start_us, EpisodeRow.end_us, EpisodeRow.state).where(
        EpisodeRow.episode_id == bindparam("held")
    )
)
_VIOLATION = Prepared(
    lambda _: select(ViolationRow.start_us, ViolationRow.end_us, ViolationRow.state).where(
        ViolationRow.violation_id == bindparam("held")
    )
)


def stored_rules(settings: SiteSettings) -> str | None:
    """The alert rules of settings as a site's row keeps them; None where there are none."""
    rules = tuple(rule.in_zone(settings.time_zone) for rule in settings.alerts)
    return STORED_RULES.dump_json(rules, exclude_unset=True).decode() if rules else None


def raise_alerts(
    connection: Connection, stream_id: int, stream: StreamName, changes: Changes, floor_us: int | None, now_us: int
) -> None:
    """Write the alerts that a stream's changes raise. To be called before the changes themselves are written.

    Args:
        connection: of the transaction that writes the changes.
        stream_id: the stream's key.
        stream: the stream.
        changes: that are about to be written.
        floor_us: what ends before is forgotten, and raises nothing.
        now_us: processing time.
    """
    if not changes.episodes and not changes.stretches and not changes.violations:
        return
    rules = rules_of(connection, stream.site)
    if not rules:
        return
    floor = floor_us or 0
    episodes = [episode for episode in changes.episodes if episode.end_us > floor]
    stretches = [stretch for stretch in changes.stretches if stretch.end_us > floor]
    violations = [violation for violation in changes.violations if violation.end_us > floor]
    alerts = [
        *_of_episodes(connection, rules, episodes),
        *_of_violations(connection, rules, violations),
        *_of_stretches(connection, rules, stream_id, stretches),
    ]
    write_alerts(connection, rules, alerts, now_us)


def rules_of(connection: Connection, site: str) -> tuple[AlertRule, ...]:
    """The alert rules of a site's present settings."""
    text = _RULES.run(connection, {"site": site}).scalar_one_or_none()
    return () if text is None else _read(text)


def write_alerts(connection: Connection, rules: Sequence[AlertRule], alerts: Sequence[Alert], now_us: int) -> None:
    """Put alerts into the outbox, one row for each channel; those that are there stay as they are.

    One that is raised in quiet hours of its rule waits for their end, as if it were raised then, or is dropped.
    """
    by_name = {rule.name: rule for rule in rules}
    ends = {name: by_name[name].quiet_until(now_us) for name in {alert.rule for alert in alerts}}
    rows = []
    for alert in sorted(alerts, key=lambda alert: (alert.moment_us, alert.alert_id)):
        rule, held_us = by_name[alert.rule], ends[alert.rule]
        if rule.within_s is not None and now_us - alert.moment_us > rule.within_s * 1e6:
            continue
        if held_us is not None and rule.when_quiet is WhenQuiet.DROP:
            continue
        raised_us = now_us if held_us is None else held_us
        rows += [
            {
                "alert_id": alert.alert_id,
                "channel": channel,
                "site": alert.site,
                "camera": alert.camera,
                "kind": alert.kind.value,
                "rule": alert.rule,
                "moment_us": alert.moment_us,
                "content": json.dumps(alert.content, separators=(",", ":")),
                "state": int(DeliveryState.WAITING),
                "tries": 0,
                "raised_us": raised_us,
                "due_us": raised_us,
            }
            for channel in alert.channels
        ]
    put(connection, OutboxRow, rows)


def _of_episodes(connection: Connection, rules: Sequence[AlertRule], episodes: list[Episode]) -> list[Alert]:
    if not episodes or not any(rule.when in OF_EPISODES for rule in rules):
        return []
    before = _before(connection, _EPISODE, [episode.episode_id for episode in episodes])
    return episode_alerts(rules, episodes, before)


def _of_violations(connection: Connection, rules: Sequence[AlertRule], violations: list[Violation]) -> list[Alert]:
    if not violations or not any(rule.when in OF_VIOLATIONS for rule in rules):
        return []
    before = _before(connection, _VIOLATION, [violation.violation_id for violation in violations])
    return violation_alerts(rules, violations, before)


def _before(connection: Connection, held: Prepared, names: list[str]) -> dict[str, Lasting]:
    """Read what the ledger holds of episodes or violations, by id; of those that are new, nothing."""
    before = {}
    for name in names:  # a chunk changes few
        row = held.run(connection, {"held": name}).one_or_none()
        if row is not None:
            before[name] = Lasting(row.start_us, row.end_us, row.state == int(EpisodeState.FINAL))
    return before


def _of_stretches(
    connection: Connection, rules: Sequence[AlertRule], stream_id: int, changed: list[Stretch]
) -> list[Alert]:
    blind = [stretch for stretch in changed if stretch.observation is not Observation.OBSERVED]
    if not blind or not any(rule.when is AlertKind.CAMERA_BLIND for rule in rules):
        return []
    stream = blind[0].stream
    latest_us = max(stretch.start_us for stretch in changed)
    held = (
        select(StretchRow.start_us, StretchRow.end_us, StretchRow.observation)
        .where(StretchRow.stream_id == stream_id, StretchRow.start_us <= latest_us)
        .order_by(StretchRow.start_us.desc())
        .limit(_LONGEST_RUN)
    )
    stretches: dict[int, Stretch] = {}
    before: dict[int, int] = {}
    for row in connection.execute(held):
        before[row.start_us] = row.end_us
        stretches[row.start_us] = Stretch(stream, row.start_us, row.end_us, Observation(row.observation))
        if row.observation == _OBSERVED and row.start_us < blind[0].start_us:
            break
    stretches |= {stretch.start_us: stretch for stretch in changed}
    return blind_alerts(rules, [stretches[start_us] for start_us in sorted(stretches)], before)


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[AlertRule, ...]:
    """Read rules; every commit of a site asks for the same."""
    return STORED_RULES.validate_json(text)
