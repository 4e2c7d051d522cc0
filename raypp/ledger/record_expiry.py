"""Retention of records that are of no stream: contents of tools' runs, devices, tokens. Edges are processing time.

A run of a research tool keeps its number, its bits and for whom it was, so that budgets hold. Who submitted, approved,
released, promoted or changed anything stays too, as in the audit log.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, delete, inspect, or_, select, update

from raypp.ledger.device_tables import DeviceConfigurationRow, DeviceRow
from raypp.ledger.moves import hold_site
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import Base, TokenRow
from raypp.ledger.tool_tables import ToolRunRow
from raypp.ledger.tool_values import RunState
from raypp.text.wording import counted

_EMPTY = {
    "state": int(RunState.FORGOTTEN),
    "parameters": "{}",
    "data": "",
    "words": "",
    "messages": "",
    "tables": None,
}


class RecordExpiry(NamedTuple):
    """How records are forgotten.

    Attributes:
        ledger: of what.
        edge_us: what is older goes.
        who: for the audit log.
        action: likewise.
        dry_run: only count.
    """

    ledger: Ledger
    edge_us: int
    who: str
    action: str
    dry_run: bool

    def forget_tool_runs(self) -> int:
        """Empty runs that began before the edge, released or not; return how many."""
        old = and_(ToolRunRow.began_us < self.edge_us, ToolRunRow.state != int(RunState.FORGOTTEN))
        query = select(ToolRunRow.run_id).where(old).order_by(ToolRunRow.run_id)
        if self.dry_run:
            return self._count(ToolRunRow, query)
        with self.ledger.database.write(patient=True) as connection:
            numbers = list(connection.execute(query.with_for_update()).scalars())
            if numbers:
                connection.execute(update(ToolRunRow).where(ToolRunRow.run_id.in_(numbers)).values(_EMPTY))
                self._note(connection, "tool runs", f"contents of runs {numbers[0]} to {numbers[-1]}", len(numbers))
        return len(numbers)

    def forget_devices(self, site: str) -> int:
        """Delete devices of a site that were last heard of before the edge, and configurations that wait for none.

        Returns:
            How many devices.

        Raises:
            SiteMovingError: if the site is being moved.
        """
        silent = and_(DeviceRow.site == site, DeviceRow.reported_us < self.edge_us)
        query = select(DeviceRow.device).where(silent).order_by(DeviceRow.device)
        if self.dry_run:
            return self._count(DeviceRow, query)
        known = select(DeviceRow.device).where(DeviceRow.site == site)
        row = DeviceConfigurationRow
        with self.ledger.database.read() as connection:
            waits_long = row.put_us < self.edge_us
            stale = select(row.device).where(row.site == site, waits_long, row.device.not_in(known))
            if not any(connection.execute(some.limit(1)).first() for some in (query, stale)):
                return 0
        with self.ledger.database.write(patient=True) as connection:
            hold_site(connection, site)
            names = list(connection.execute(query).scalars())
            connection.execute(delete(DeviceRow).where(DeviceRow.site == site, DeviceRow.device.in_(names)))
            connection.execute(delete(row).where(row.site == site, waits_long, row.device.not_in(known)))
            self._note(connection, site, f"devices not heard of: {', '.join(names) or 'none'}", len(names))
        return len(names)

    def forget_tokens(self) -> int:
        """Delete tokens that ended before the edge: revoked, or run out; return how many."""
        old = or_(TokenRow.revoked_us < self.edge_us, TokenRow.expires_us < self.edge_us)
        query = select(TokenRow.token_id).where(old).order_by(TokenRow.token_id)
        if self.dry_run:
            return self._count(TokenRow, query)
        with self.ledger.database.write(patient=True) as connection:
            ended = list(connection.execute(query).scalars())
            if ended:
                connection.execute(delete(TokenRow).where(TokenRow.token_id.in_(ended)))
                self._note(connection, "tokens", f"tokens that ended: {', '.join(ended)}", len(ended))
        return len(ended)

    def _count(self, table: type[Base], query: Select[Any]) -> int:
        with self.ledger.database.read() as connection:
            if not inspect(connection).has_table(table.__tablename__):  # of an older schema, which is only read
                return 0
            return len(connection.execute(query).all())

    def _note(self, connection: Connection, subject: str, what: str, count: int) -> None:
        detail = f"to {self.edge_us}: {counted(count, 'row')}; {what}"
        write_audit(connection, self.ledger.clock(), self.who, self.action, subject, detail[:2000])
