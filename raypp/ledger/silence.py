"""Silence: of a camera, or a whole site, whose streams commit nothing; how much there is, and alerts of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, case, func, select

from raypp.ledger.outbox import rules_of, write_alerts
from raypp.ledger.store import Ledger
from raypp.ledger.tables import OutboxRow, SiteRow, StreamRow
from raypp.usage.alert_rules import SILENCES, AlertKind, AlertRule
from raypp.usage.alerts import Alert, raised

STALE_US = 7 * 86_400 * 1_000_000
"""A silence that was to be told of longer ago raises no alert any more: the camera is gone."""

_OF_LATE_US = 86_400 * 1_000_000


@dataclass(frozen=True)
class Silence:
    """How much is silent.

    Attributes:
        cameras: that committed within the last day, did not end, and are silent for longer than their site's
            `reap_after_s`.
        sites: all of whose cameras that committed within the last day are such.
    """

    cameras: int
    sites: int

    def __add__(self, other: "Silence") -> "Silence":
        """Return how much is silent in two ledgers."""
        return Silence(self.cameras + other.cameras, self.sites + other.sites)


@dataclass(frozen=True)
class _Camera:
    """The latest stream of a camera: when it last committed, and whether it ended as it should."""

    site: str
    camera: str
    epoch: int
    active_us: int
    ended: bool


def raise_silence(ledger: Ledger, since_us: int) -> int:
    """Write the alerts of streams that have been silent for longer than their site's rules say.

    Args:
        ledger: the ledger.
        since_us: since when somebody listens, processing time: while the service itself is down, nobody is silent.

    Returns:
        How many alerts are new.
    """
    now_us = ledger.clock()
    with ledger.database.read() as connection:
        new = [
            (rules, alerts)
            for rules, cameras in _watched(connection)
            if (alerts := _unknown(connection, list(_silent(rules, cameras, since_us, now_us))))
        ]
    if new:
        with ledger.database.write() as connection:
            for rules, alerts in new:
                write_alerts(connection, rules, alerts, now_us)
    return sum(len(alerts) for _, alerts in new)


def count_silent(ledger: Ledger) -> Silence:
    """Count the cameras and sites that fell silent within the last day, by processing time."""
    now_us = ledger.clock()
    late = (
        select(
            StreamRow.site,
            func.max(StreamRow.active_us).label("active_us"),
            func.max(SiteRow.reap_after_us).label("reap_after_us"),
        )
        .join(SiteRow, SiteRow.name == StreamRow.site)
        .where(StreamRow.ended_us.is_(None), StreamRow.active_us > now_us - _OF_LATE_US, StreamRow.committed > 0)
        .group_by(StreamRow.site, StreamRow.camera)
        .subquery()
    )
    is_silent = case((late.c.active_us < now_us - late.c.reap_after_us, 1), else_=0)
    sites = select(func.sum(is_silent).label("silent"), func.count().label("cameras")).group_by(late.c.site).subquery()
    whole = case((sites.c.silent == sites.c.cameras, 1), else_=0)
    with ledger.database.read() as connection:
        cameras, number = connection.execute(select(func.sum(sites.c.silent), func.sum(whole))).one()
    return Silence(int(cameras or 0), int(number or 0))


def _watched(connection: Connection) -> Iterator[tuple[tuple[AlertRule, ...], list[_Camera]]]:
    """List sites with rules of silence, and the latest stream of each camera."""
    sites = list(connection.execute(select(SiteRow.name).where(SiteRow.alerts.is_not(None))).scalars())
    for site in sites:
        rules = tuple(rule for rule in rules_of(connection, site) if rule.when in SILENCES)
        if not rules:
            continue
        latest = (
            select(StreamRow.camera, func.max(StreamRow.epoch).label("epoch"))
            .where(StreamRow.site == site, StreamRow.committed > 0)
            .group_by(StreamRow.camera)
            .subquery()
        )
        query = select(StreamRow.camera, StreamRow.epoch, StreamRow.active_us, StreamRow.ended_us).join(
            latest, (StreamRow.camera == latest.c.camera) & (StreamRow.epoch == latest.c.epoch)
        )
        rows = connection.execute(query.where(StreamRow.site == site).order_by(StreamRow.camera))
        yield (
            rules,
            [_Camera(site, row.camera, row.epoch, row.active_us, row.ended_us is not None) for row in rows],
        )


def _silent(rules: tuple[AlertRule, ...], cameras: list[_Camera], since_us: int, now_us: int) -> Iterator[Alert]:
    for rule in rules:
        if rule.when is AlertKind.CAMERA_SILENT:
            for camera in cameras:
                if rule.concerns(camera.camera):
                    what = f"{camera.epoch}/{camera.active_us}"
                    yield from _of(rule, camera.camera, camera, what, since_us, now_us)
        elif cameras:
            last = max(cameras, key=attrgetter("active_us"))
            if any(not camera.ended for camera in cameras):
                yield from _of(rule, "", last, str(last.active_us), since_us, now_us)


def _of(rule: AlertRule, camera: str, last: _Camera, what: str, since_us: int, now_us: int) -> Iterator[Alert]:
    moment_us = last.active_us + rule.longer_than_us
    heard_us = max(last.active_us, since_us)
    if now_us - heard_us > rule.longer_than_us and now_us - moment_us <= STALE_US and not (camera and last.ended):
        content = {"last_us": last.active_us, "longer_than_s": rule.longer_than_s}
        yield raised(rule, last.site, camera, moment_us, content, what)


def _unknown(connection: Connection, alerts: list[Alert]) -> list[Alert]:
    """Leave out the alerts that were raised before."""
    known: set[str] = set()
    for _, some in groupby(enumerate(alerts), key=lambda numbered: numbered[0] // 500):
        ids = [alert.alert_id for _, alert in some]
        known |= set(connection.execute(select(OutboxRow.alert_id).where(OutboxRow.alert_id.in_(ids))).scalars())
    return [alert for alert in alerts if alert.alert_id not in known]
