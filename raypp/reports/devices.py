"""Devices as people read them: their state by a clock, and what somebody should see to. Those that need it first."""

from collections.abc import Iterator
from operator import attrgetter

from pydantic import BaseModel, ConfigDict

from raypp.errors import LedgerUnavailableError
from raypp.ledger.device_values import BAD_CONDITIONS, CameraCondition, Device, DeviceReport, DeviceState
from raypp.ledger.devices import Devices
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.reports.wording import duration, first_few
from raypp.text.wording import byte_size

CLOCK_OFF_US = 2_000_000
"""A clock that is further from the service's for certain is wrong; agents warn of it, too."""
LOW_DISK_BYTES = 1 << 30
OLD_US = 3600 * 1_000_000
"""Frames that have waited for longer are told of."""
_MOST_NAMED = 3
_ORDER = (DeviceState.MISSING, DeviceState.LATE, DeviceState.REPORTING, DeviceState.STOPPED)


class DeviceListing(BaseModel):
    """A device, and how it stood when it was listed. Times: microseconds since 1970.

    `silent_s` is how long it has not been heard, by the clock of the service; `waits_s` for how long its oldest frame
    of a live camera waited to be sent when it reported; `clashes` whether two agents speak under its name; `concerns`
    what somebody should see to, in words.
    """

    model_config = ConfigDict(frozen=True)

    site: str
    device: str
    state: DeviceState
    first_us: int
    reported_us: int
    silent_s: float
    waits_s: float | None
    started_us: int
    clashes: bool
    concerns: tuple[str, ...]
    report: DeviceReport

    @property
    def is_overdue(self) -> bool:
        """Whether it is late or missing."""
        return self.state in {DeviceState.MISSING, DeviceState.LATE}


class DevicesListing(BaseModel):
    """Devices, late ones first; and names of ledgers that do not answer, whose devices are not listed."""

    model_config = ConfigDict(frozen=True)

    devices: tuple[DeviceListing, ...]
    silent: tuple[str, ...] = ()

    def counts(self) -> dict[DeviceState, int]:
        """Count the devices of each state, as far as there are any."""
        states = [device.state for device in self.devices]
        return {state: states.count(state) for state in _ORDER if state in states}


def list_devices(ledgers: Ledgers, now_us: int, site: str | None = None) -> DevicesListing:
    """List the devices of a site, or of all sites: of several ledgers, those of the ledgers that answer.

    Args:
        ledgers: where they are.
        now_us: the present, by which they are late.
        site: the site; None: all.

    Raises:
        UnknownSiteError: if no ledger has the site.
        LedgerUnavailableError: if its ledger, or the only one, cannot be reached just now.
    """
    silent: list[str] = []
    if site is not None:
        devices = ledgers.ask(site, lambda ledger: _of_site(ledger, site))
    else:
        devices = []
        for name, member in ledgers.members.items():
            try:
                if ledgers.only is not None:
                    devices += Devices(member.ledger()).of()
                else:
                    devices += member.ask(lambda of_some: Devices(of_some.ledger()).of(), takes_long=True)
            except LedgerUnavailableError:
                if ledgers.only is not None:
                    raise
                silent.append(name)
    listed = [_listed(device, now_us) for device in devices]
    listed.sort(key=attrgetter("site", "device"))
    listed.sort(key=_urgency)
    return DevicesListing(devices=tuple(listed), silent=tuple(silent))


def clock_words(report: DeviceReport) -> str:
    """Say how far a device's clock is from the service's, such as `0.3 s behind`."""
    offset_us = report.clock_offset_us
    if offset_us is None:
        return "not known yet"
    if abs(offset_us) <= max(report.clock_error_us, 50_000):
        return "right"
    return f"{duration(abs(offset_us))} {'behind' if offset_us > 0 else 'ahead'}"


def _of_site(ledger: Ledger, site: str) -> list[Device]:
    ledger.site_settings(site)  # raises where there is no such site
    return Devices(ledger).of([site])


def _urgency(listed: DeviceListing) -> tuple[int, bool, float]:
    return _ORDER.index(listed.state), not listed.concerns, -listed.silent_s


def _listed(device: Device, now_us: int) -> DeviceListing:
    return DeviceListing(
        site=device.site,
        device=device.device,
        state=device.state(now_us),
        first_us=device.first_us,
        reported_us=device.reported_us,
        silent_s=max(0, now_us - device.reported_us) / 1e6,
        waits_s=None if device.waits_us is None else device.waits_us / 1e6,
        started_us=device.instance.started_us,
        clashes=device.clashes(now_us),
        concerns=tuple(_concerns(device, now_us)),
        report=device.report,
    )


def _concerns(device: Device, now_us: int) -> Iterator[str]:
    report = device.report
    if device.clashes(now_us):
        yield "two agents report under this name; give one of them another `device`"
    offset_us = report.clock_offset_us
    if offset_us is not None and abs(offset_us) - report.clock_error_us > CLOCK_OFF_US:
        yield f"clock {clock_words(report)}"
    if report.disk_free_bytes < LOW_DISK_BYTES and not device.instance.stopped:
        yield f"{byte_size(report.disk_free_bytes)} free on the disk"
    waits_us = device.waits_us
    if waits_us is not None and waits_us > OLD_US:
        yield f"frames wait to be sent since {duration(waits_us)}"
    if report.configuration_refusal is not None:
        yield f"its configuration is refused: {report.configuration_refusal}"
    for condition in CameraCondition:
        if condition in BAD_CONDITIONS:
            names = [camera.camera for camera in report.cameras if camera.condition is condition]
            if names:
                yield f"{condition.value}: {_named(names)}"


def _named(names: list[str]) -> str:
    return ", ".join(first_few(names, "more", _MOST_NAMED))
