"""How far executions of procedures are judged for alerts, moved on in the transaction that writes the alerts."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, select

from raypp.ledger.database import Database
from raypp.ledger.outbox import rules_of, write_alerts
from raypp.ledger.statements import put
from raypp.ledger.tables import JudgedRow, SiteRow, StretchRow
from raypp.usage.alert_rules import AlertKind, AlertRule
from raypp.usage.alerts import Alert
from raypp.usage.settings import SiteSettings

Judged = Mapping[tuple[str, str], int]
"""Event time before which all executions that began are judged, by procedure and place; place "": where no row is."""


def watch_executions(connection: Connection, site: str, settings: SiteSettings) -> None:
    """Have those procedures watched that alert rules are about: executions count that begin from now on.

    Args:
        connection: of the transaction that gives the site these settings.
        site: the site.
        settings: its new settings.
    """
    watched = [
        procedure.name
        for procedure in settings.procedures
        if any(rule.is_about(procedure.name) for rule in settings.alerts)
    ]
    connection.execute(delete(JudgedRow).where(JudgedRow.site == site, JudgedRow.procedure.not_in(watched)))
    newest = select(func.max(StretchRow.end_us)).where(StretchRow.site == site)
    until_us = connection.execute(newest).scalar_one() or 0 if watched else 0
    put(connection, JudgedRow, [_row(site, (procedure, ""), until_us) for procedure in watched])


def sites_with_execution_rules(database: Database) -> dict[str, tuple[AlertRule, ...]]:
    """List the sites that have alert rules about executions, each with these rules."""
    with database.read() as connection:
        sites = list(connection.execute(select(SiteRow.name).where(SiteRow.alerts.is_not(None))).scalars())
        rules_by_site = {
            site: tuple(rule for rule in rules_of(connection, site) if rule.when is AlertKind.EXECUTION_DEVIATES)
            for site in sites
        }
    return {site: rules for site, rules in rules_by_site.items() if rules}


def read_judged(database: Database, site: str) -> dict[tuple[str, str], int]:
    """Read how far the executions of a site are judged."""
    with database.read() as connection:
        return _judged(connection, site)


def move_judged(
    database: Database,
    site: str,
    steps: tuple[Judged, Judged],
    rules: Sequence[AlertRule],
    alerts: Sequence[Alert],
    now_us: int,
) -> bool:
    """Write alerts of executions, and how far these are judged now, in one transaction.

    Args:
        database: of the ledger.
        site: the site.
        steps: how far it was when the executions were found, and what changes of that.
        rules: that raise the alerts.
        alerts: the alerts.
        now_us: processing time.

    Returns:
        Whether it was written; not where another sender, or other settings, came first.
    """
    before, after = steps
    with database.write() as connection:
        # one at a time; commits of its streams do not wait for it
        connection.execute(select(SiteRow.name).where(SiteRow.name == site).with_for_update(key_share=True))
        if _judged(connection, site) != before:
            return False
        write_alerts(connection, rules, alerts, now_us)
        put(connection, JudgedRow, [_row(site, where, until_us) for where, until_us in after.items()], ("until_us",))
    return True


def _judged(connection: Connection, site: str) -> dict[tuple[str, str], int]:
    query = select(JudgedRow.procedure, JudgedRow.place, JudgedRow.until_us).where(JudgedRow.site == site)
    return {(row.procedure, row.place): row.until_us for row in connection.execute(query)}


def _row(site: str, where: tuple[str, str], until_us: int) -> dict[str, object]:
    return {"site": site, "procedure": where[0], "place": where[1], "until_us": until_us}
