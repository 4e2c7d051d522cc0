"""Facts of a ledger: what it holds of which sites, and who read and changed it."""

from sqlalchemy import func, select

from raypp.dpia.section import EvidencedFact, Section, unknown
from raypp.ledger.sites import list_sites
from raypp.ledger.store import Ledger
from raypp.ledger.tables import AuditRow, StreamRow
from raypp.ledger.times import shown_time
from raypp.text.wording import counted

_MOST_READERS = 200


def recorded(ledger: Ledger | None) -> Section:
    """Return what a ledger holds, by site."""
    title = "What the ledger holds"
    questions = ("Are detections and episodes personal data here, and of whom?",)
    if ledger is None:
        return Section(title=title, facts=(unknown("ledger", "none was given"),), questions=questions)
    shown = ledger.database.shown
    facts = []
    with ledger.database.read() as connection:
        for site in list_sites(connection):
            query = select(
                func.count(func.distinct(StreamRow.camera)),
                func.sum(StreamRow.frames),
                func.sum(StreamRow.forgotten_frames),
                func.max(StreamRow.newest_us),
            ).where(StreamRow.site == site.name)
            cameras, frames, gone, newest = connection.execute(query).one()
            left = int(frames or 0) - int(gone or 0)
            value = f"{counted(cameras, 'camera')}, {counted(left, 'frame')} kept, {counted(int(gone or 0), 'frame')}"
            latest = f"; the latest of {shown_time(newest)}" if newest is not None else ""
            facts.append(
                EvidencedFact(name=f"site {site.name}", value=f"{value} forgotten{latest}", evidence=f"ledger {shown}")
            )
    facts = facts or [EvidencedFact(name="sites", value="none", evidence=f"ledger {shown}")]
    return Section(title=title, facts=tuple(facts), questions=questions)


def accesses(ledger: Ledger | None) -> Section:
    """Return who read and changed a ledger, counted in its audit log."""
    title = "Who had access to the ledger"
    if ledger is None:
        return Section(title=title, facts=(unknown("accesses", "no ledger was given"),))
    columns = (AuditRow.who, AuditRow.action)
    query = select(*columns, func.count(), func.max(AuditRow.at_us)).group_by(*columns).order_by(*columns)
    with ledger.database.read() as connection:
        rows = connection.execute(query.limit(_MOST_READERS + 1)).all()
        since = connection.execute(select(func.min(AuditRow.at_us))).scalar_one()
    evidence = f"audit log of {ledger.database.shown}"
    facts = [
        EvidencedFact(
            name=f"{who}: {action}",
            value=f"{counted(count, 'entry')}, the last {shown_time(last)}",
            evidence=evidence,
        )
        for who, action, count, last in rows[:_MOST_READERS]
    ]
    if len(rows) > _MOST_READERS:
        facts.append(
            unknown("further persons and actions", f"the first {_MOST_READERS} are listed; see the log itself")
        )
    since_words = "nothing is recorded" if since is None else f"the log begins {shown_time(since)}"
    facts.append(unknown("accesses before the log begins, and those to the database itself", since_words))
    return Section(title=title, facts=tuple(facts))
