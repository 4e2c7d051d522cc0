"""Alerts of a site as an operator sees them: listed, tried again, dropped."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, select, update

from raypp.errors import OptionError
from raypp.ledger.channels import delivery_of
from raypp.ledger.delivery import Delivery, DeliveryState
from raypp.ledger.moves import hold_site
from raypp.ledger.sites import site_settings
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import OutboxRow
from raypp.ledger.types import COMMAND_LINE
from raypp.text.wording import counted


class Letters:
    """The alerts of one site.

    Args:
        ledger: the ledger.
        site: the site.

    Raises:
        UnknownSiteError: if there is no such site.
    """

    def __init__(self, ledger: Ledger, site: str) -> None:
        self._ledger = ledger
        self._site = site
        with ledger.database.read() as connection:
            site_settings(connection, site)

    def latest(
        self, state: DeliveryState | None = None, channel: str | None = None, limit: int = 100
    ) -> list[Delivery]:
        """List the latest alerts, oldest first.

        Args:
            state: only of this state.
            channel: only by this channel.
            limit: at most so many.
        """
        query = select(OutboxRow.__table__).where(*self._of(channel))
        if state is not None:
            query = query.where(OutboxRow.state == int(state))
        with self._ledger.database.read() as connection:
            rows = connection.execute(query.order_by(OutboxRow.delivery_id.desc()).limit(limit)).all()
        return [delivery_of(row) for row in reversed(rows)]

    def retry(self, alert_ids: Sequence[str] = (), channel: str | None = None, who: str = COMMAND_LINE) -> int:
        """Let dead letters wait again, as if they had just been raised; return how many.

        Args:
            alert_ids: only these; empty: all.
            channel: only those of this channel.
            who: for the audit log.

        Raises:
            OptionError: for an id that no dead letter has.
        """
        now_us = self._ledger.clock()
        waiting = {"state": int(DeliveryState.WAITING), "tries": 0, "raised_us": now_us, "due_us": now_us}
        with self._ledger.database.write() as connection:
            hold_site(connection, self._site)
            dead = self._dead(connection, alert_ids, channel)
            count = connection.execute(update(OutboxRow).where(*dead).values(**waiting, done_us=None)).rowcount
            write_audit(connection, now_us, who, "alerts retry", self._site, counted(count, "dead letter"))
        return count

    def drop(self, alert_ids: Sequence[str] = (), channel: str | None = None, who: str = COMMAND_LINE) -> int:
        """Delete dead letters; return how many. Arguments and errors are those of `retry`."""
        with self._ledger.database.write() as connection:
            hold_site(connection, self._site)
            count = connection.execute(delete(OutboxRow).where(*self._dead(connection, alert_ids, channel))).rowcount
            words = counted(count, "dead letter")
            write_audit(connection, self._ledger.clock(), who, "alerts drop", self._site, words)
        return count

    def _of(self, channel: str | None) -> list[ColumnElement[bool]]:
        return [OutboxRow.site == self._site, *([OutboxRow.channel == channel] if channel else [])]

    def _dead(self, connection: Connection, alert_ids: Sequence[str], channel: str | None) -> list[ColumnElement[bool]]:
        """Return the conditions for dead letters; raises OptionError for an id that none has."""
        conditions = [*self._of(channel), OutboxRow.state == int(DeliveryState.DEAD)]
        known = set(connection.execute(select(OutboxRow.alert_id).where(*conditions)).scalars())
        for alert_id in alert_ids:
            if alert_id not in known:
                words = f"site {self._site} has no dead letter {alert_id[:40]!r}"
                raise OptionError(f"{words}; `raypp alerts list {self._site}` lists them")
        return [*conditions, OutboxRow.alert_id.in_(alert_ids)] if alert_ids else conditions
