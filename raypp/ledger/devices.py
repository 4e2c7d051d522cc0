"""Devices of sites in their table: each by its latest report."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, delete, func, inspect, select

from raypp.errors import LedgerError, OptionError, TooManyDevicesError
from raypp.ledger.device_tables import DeviceConfigurationRow, DeviceRow
from raypp.ledger.device_values import (
    Device,
    DeviceInstance,
    DeviceReport,
    DeviceState,
    SilenceLimits,
)
from raypp.ledger.moves import hold_site
from raypp.ledger.statements import put, write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.types import COMMAND_LINE
from raypp.ledger.whereabouts import sites_away

_CHANGES = (
    *("instance", "started_us", "reported_us", "late_after_us", "missing_after_us", "clash_us", "stopped", "document"),
)


class Devices:
    """Keeps one ledger's devices: a row for each, so they take no more room the longer they report.

    Args:
        ledger: the ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def note(
        self,
        site: str,
        device: str,
        instance: DeviceInstance,
        report: DeviceReport,
        limits: SilenceLimits,
        most: int,
        who: str = COMMAND_LINE,
    ) -> None:
        """Keep a report in place of the device's former one.

        Args:
            site: whose it is.
            device: its name.
            instance: the start of the agent that sent it.
            report: the report.
            limits: how long the device may be silent from now on.
            most: devices that the ledger keeps of the site.
            who: for the audit log, which has an entry on each new device.

        Raises:
            TooManyDevicesError: if the device is new, and the site has as many as it may.
            UnknownSiteError, SiteMovingError: if the site is not here.
        """
        now_us = self._ledger.clock()
        with self._ledger.database.write() as connection:
            hold_site(connection, site)
            known = (
                select(*DeviceRow.__table__.columns)
                .where(DeviceRow.site == site, DeviceRow.device == device)
                .with_for_update()
            )
            row = connection.execute(known).one_or_none()
            if row is None:
                _require_room(connection, site, device, most)
                write_audit(connection, now_us, who, "device add", f"{site}/{device}", "first report")
            clash_us = None if row is None else row.clash_us
            if row is not None and instance.number != row.instance and instance.started_us < row.started_us:
                clash_us = now_us  # an older agent goes on beside the newer one
            values = {
                "site": site,
                "device": device,
                "instance": instance.number,
                "started_us": instance.started_us,
                "first_us": now_us,
                "reported_us": now_us,
                "late_after_us": limits.late_after_us,
                "missing_after_us": limits.missing_after_us,
                "clash_us": clash_us,
                "stopped": instance.stopped,
                "document": report.model_dump_json(exclude_defaults=True),
            }
            put(connection, DeviceRow, [values], _CHANGES)

    def of(self, sites: Sequence[str] | None = None) -> list[Device]:
        """List devices by site and name: of some sites, or of all; none of a ledger of an older schema."""
        with self._ledger.database.read() as connection:
            if not has_devices(connection):
                return []
            query = select(*DeviceRow.__table__.columns).order_by(DeviceRow.site, DeviceRow.device)
            if sites is not None:
                query = query.where(DeviceRow.site.in_(sites))
            away = sites_away(connection)
            return [_device(row) for row in connection.execute(query) if row.site not in away]

    def count(self) -> dict[DeviceState, int]:
        """Count devices by their state at present; all states are there."""
        now_us = self._ledger.clock()
        silent_us = now_us - DeviceRow.reported_us
        state = case(
            (DeviceRow.stopped, DeviceState.STOPPED.value),
            (silent_us > DeviceRow.missing_after_us, DeviceState.MISSING.value),
            (silent_us > DeviceRow.late_after_us, DeviceState.LATE.value),
            else_=DeviceState.REPORTING.value,
        ).label("state")
        with self._ledger.database.read() as connection:
            away = sites_away(connection)
            query = select(state, func.count()).where(DeviceRow.site.not_in(away)).group_by(state)
            counts: dict[str, int] = dict(connection.execute(query).tuples().all())
        return {each: counts.get(each.value, 0) for each in DeviceState}

    def put_configuration(self, site: str, device: str, document: bytes, detail: str, who: str = COMMAND_LINE) -> None:
        """Keep a configuration for a device, in place of a former one: it is handed over with the next report.

        Args:
            site: whose it is.
            device: its name; it need not have reported yet.
            document: as the owner signed it.
            detail: for the audit log.
            who: likewise.

        Raises:
            UnknownSiteError, SiteMovingError: if the site is not here.
        """
        now_us = self._ledger.clock()
        row = {"site": site, "device": device, "document": document, "put_us": now_us}
        with self._ledger.database.write() as connection:
            hold_site(connection, site)
            put(connection, DeviceConfigurationRow, [row], ("document", "put_us"))
            write_audit(connection, now_us, who, "device configure", f"{site}/{device}", detail)

    def configuration(self, site: str, device: str) -> bytes | None:
        """Return the configuration that is kept for a device; None without one."""
        row = DeviceConfigurationRow
        query = select(row.document).where(row.site == site, row.device == device)
        with self._ledger.database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def retire(self, site: str, device: str, who: str = COMMAND_LINE) -> None:
        """Forget a device; one that still reports comes back with its next report. Raises OptionError without one."""
        with self._ledger.database.write() as connection:
            hold_site(connection, site)
            row = DeviceConfigurationRow
            connection.execute(delete(row).where(row.site == site, row.device == device))
            gone = connection.execute(delete(DeviceRow).where(DeviceRow.site == site, DeviceRow.device == device))
            if not gone.rowcount:
                raise OptionError(f"site {site} has no device {device}; `raypp device list` names them")
            write_audit(connection, self._ledger.clock(), who, "device retire", f"{site}/{device}", "")


def has_devices(connection: Connection) -> bool:
    """Whether there is a table of devices; a ledger of an older schema that is only read has none."""
    return inspect(connection).has_table(DeviceRow.__tablename__)


def _require_room(connection: Connection, site: str, device: str, most: int) -> None:
    count = connection.execute(select(func.count()).where(DeviceRow.site == site)).scalar_one()
    if count >= most:
        raise TooManyDevicesError(
            f"site {site} has {count} devices, at most {most} (quotas.devices); {device} is not one of them: retire "
            "one with `raypp device retire`, or have the limit raised"
        )


def _device(row: Any) -> Device:
    try:
        report = DeviceReport.model_validate_json(row.document)
    except ValueError:
        raise LedgerError(
            f"device {row.site}/{row.device}: its report is damaged, or a newer raypp wrote it; "
            "`raypp device retire` removes it"
        ) from None
    return Device(
        site=row.site,
        device=row.device,
        instance=DeviceInstance(row.instance, row.started_us, row.stopped),
        first_us=row.first_us,
        reported_us=row.reported_us,
        limits=SilenceLimits(row.late_after_us, row.missing_after_us),
        clash_us=row.clash_us,
        report=report,
    )
