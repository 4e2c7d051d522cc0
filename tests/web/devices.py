"""Devices as a ledger keeps them, for pages."""

from raypp.ledger.device_values import DeviceInstance, DeviceReport, SilenceLimits
from raypp.ledger.devices import Devices
from raypp.ledger.store import Ledger
from tests.ledger.site import SECOND, T0

_LIMITS = SilenceLimits(90 * SECOND, 900 * SECOND)


def device_report(**changed: object) -> DeviceReport:
    """Return a report of a device that is well, but for what is changed."""
    values = {"agent_version": "0.1.0", "veil_id": "ab" * 16, "spool_bytes": 0, "disk_free_bytes": 1 << 40}
    return DeviceReport.model_validate(values | changed)


def note_device(ledger: Ledger, site: str, device: str = "agent", *, stopped: bool = False, **changed: object) -> None:
    """Keep a device's report in a ledger."""
    Devices(ledger).note(site, device, DeviceInstance(1, T0, stopped), device_report(**changed), _LIMITS, 1000)
