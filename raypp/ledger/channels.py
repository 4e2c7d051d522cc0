"""Channels and their queues in the outbox: held by one sender at a time, sent in order of event time by camera."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, delete, func, literal_column, or_, select, update

from raypp.ledger.delivery import Backlog, Delivery, DeliveryState
from raypp.ledger.moves import STILL
from raypp.ledger.statements import put
from raypp.ledger.store import Ledger
from raypp.ledger.tables import WAITING, ChannelRow, MoveRow, OutboxRow

MOST_ANSWER = 300
_WAITING, _SENT, _DEAD = int(DeliveryState.WAITING), int(DeliveryState.SENT), int(DeliveryState.DEAD)
_ROWS_AT_A_TIME = 1000
_WAITS: ColumnElement[bool] = literal_column(f"outbox.{WAITING}")
"""As the partial index has it: a database compares the texts, not the values."""
_STAYS: ColumnElement[bool] = OutboxRow.site.not_in(select(MoveRow.site).where(MoveRow.state.in_(STILL)))
"""Alerts of a site that is being moved are sent from its new ledger."""


class ChannelQueues:
    """Serve senders: each call is a transaction of its own, and blocks.

    Args:
        ledger: the ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def declare(self, channels: Iterable[str]) -> None:
        """Say that a sender has these channels, so that sites may name them."""
        now_us = self._ledger.clock()
        rows = [{"channel": channel, "declared_us": now_us, "held_until_us": 0} for channel in channels]
        with self._ledger.database.write() as connection:
            put(connection, ChannelRow, rows, ("declared_us",))

    def hold(self, channel: str, holder: str, for_us: int) -> bool:
        """Hold a channel for a while, or for longer; return whether it is held: no other sender sends by it then."""
        now_us = self._ledger.clock()
        free = or_(ChannelRow.holder == holder, ChannelRow.held_until_us <= now_us)
        query = update(ChannelRow).where(ChannelRow.channel == channel, free)
        with self._ledger.database.write() as connection:
            changed = connection.execute(query.values(holder=holder, held_until_us=now_us + for_us))
        return bool(changed.rowcount)

    def release(self, channel: str, holder: str) -> None:
        """Let another sender hold a channel."""
        query = update(ChannelRow).where(ChannelRow.channel == channel, ChannelRow.holder == holder)
        with self._ledger.database.write() as connection:
            connection.execute(query.values(holder=None, held_until_us=0))

    def cameras(self, channel: str) -> list[tuple[str, str]]:
        """List sites and cameras that have alerts waiting for a channel, those with the earliest events first.

        Alerts that are held for the end of quiet hours do not count until then.
        """
        query = (
            select(OutboxRow.site, OutboxRow.camera)
            .where(OutboxRow.channel == channel, _WAITS, OutboxRow.raised_us <= self._ledger.clock(), _STAYS)
            .group_by(OutboxRow.site, OutboxRow.camera)
            .order_by(func.min(OutboxRow.moment_us))
        )
        with self._ledger.database.read() as connection:
            return [(row.site, row.camera) for row in connection.execute(query)]

    def waiting(self, channel: str, site: str, camera: str, limit: int) -> list[Delivery]:
        """List the first alerts of one camera that wait for a channel and are not held, in order of event time."""
        conditions = (
            OutboxRow.channel == channel,
            OutboxRow.site == site,
            OutboxRow.camera == camera,
            OutboxRow.raised_us <= self._ledger.clock(),
        )
        query = select(OutboxRow.__table__).where(*conditions, _WAITS)
        with self._ledger.database.read() as connection:
            rows = connection.execute(query.order_by(OutboxRow.moment_us, OutboxRow.delivery_id).limit(limit))
            return [delivery_of(row) for row in rows]

    def sent(self, delivery: Delivery, answer: str) -> None:
        """Mark an alert as sent."""
        self._mark(delivery, state=_SENT, done_us=self._ledger.clock(), answer=answer[:MOST_ANSWER])

    def put_off(self, delivery: Delivery, answer: str, wait_us: int) -> None:
        """Count a failed try, and wait before the next one."""
        due_us = self._ledger.clock() + wait_us
        self._mark(delivery, tries=delivery.tries + 1, due_us=due_us, answer=answer[:MOST_ANSWER])

    def give_up(self, delivery: Delivery, answer: str) -> None:
        """Make an alert a dead letter."""
        values = {"state": _DEAD, "tries": delivery.tries + 1, "done_us": self._ledger.clock()}
        self._mark(delivery, **values, answer=answer[:MOST_ANSWER])

    def give_up_orphans(self, before_us: int) -> int:
        """Make dead letters of alerts that were raised long ago for channels that no sender has had since.

        Returns:
            How many.
        """
        known = select(ChannelRow.channel).where(ChannelRow.declared_us >= before_us)
        orphans = (_WAITS, OutboxRow.raised_us < before_us, OutboxRow.channel.not_in(known))
        with self._ledger.database.read() as connection:
            if connection.execute(select(OutboxRow.delivery_id).where(*orphans).limit(1)).first() is None:
                return 0
        answer = "no sender has a channel of this name"
        with self._ledger.database.write() as connection:
            values = {"state": _DEAD, "done_us": self._ledger.clock(), "answer": answer}
            return connection.execute(update(OutboxRow).where(*orphans).values(**values)).rowcount

    def prune(self, before_us: int) -> int:
        """Delete up to a thousand alerts that were sent or given up before a moment; return how many."""
        old = (
            select(OutboxRow.delivery_id)
            .where(OutboxRow.state.in_((_SENT, _DEAD)), OutboxRow.done_us < before_us)
            .limit(_ROWS_AT_A_TIME)
        )
        with self._ledger.database.read() as connection:
            ids = list(connection.execute(old).scalars())
        if ids:
            with self._ledger.database.write() as connection:
                connection.execute(delete(OutboxRow).where(OutboxRow.delivery_id.in_(ids)))
        return len(ids)

    def backlogs(self) -> list[Backlog]:
        """Count what each channel has not sent, by name."""
        count, waits, now_us = func.count(), OutboxRow.state == _WAITING, self._ledger.clock()
        query = (
            select(
                OutboxRow.channel,
                count.filter(waits).label("waiting"),
                count.filter(OutboxRow.state == _DEAD).label("dead"),
                func.min(case((and_(waits, OutboxRow.raised_us <= now_us), OutboxRow.raised_us))).label("oldest_us"),
            )
            .where(OutboxRow.state.in_((_WAITING, _DEAD)))
            .group_by(OutboxRow.channel)
            .order_by(OutboxRow.channel)
        )
        with self._ledger.database.read() as connection:
            return [Backlog(*row) for row in connection.execute(query)]

    def _mark(self, delivery: Delivery, **values: object) -> None:
        query = update(OutboxRow).where(OutboxRow.delivery_id == delivery.delivery_id, OutboxRow.state == _WAITING)
        with self._ledger.database.write() as connection:
            connection.execute(query.values(**values))


def delivery_of(row: Row[tuple[object, ...]]) -> Delivery:
    """A row of the outbox."""
    columns: Any = tuple(row)
    delivery = Delivery(*columns)
    return replace(delivery, state=DeliveryState(delivery.state))
