"""The commands of `raypp device` on a ledger: agents of sites, and how they are doing."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.commands import require_packages
from raypp.cli.device_signing import DeviceName, device_configure, device_sign
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, SiteName, note, opened_ledgers, say_all
from raypp.cli.options import JsonFile
from raypp.errors import OptionError
from raypp.ledger.times import shown_time
from raypp.text.wording import byte_size, counted, lasting

if TYPE_CHECKING:
    from raypp.ledger.ledgers import Ledgers
    from raypp.reports.devices import DeviceListing, DevicesListing

Again = Annotated[
    float | None,
    typer.Option("--watch", help="Look again every so many seconds, until it is stopped.", min=1, max=3600),
]

_RECORDS = ("sqlalchemy", "alembic")

device = command_group("List the agents of sites and how they are doing; sign configurations, and hand them over.")


@device.command("list")
def device_list(
    ledger: LedgerUrl = None,
    site: Annotated[str | None, typer.Option(help="Only devices of this site.")] = None,
    again_s: Again = None,
    json_file: JsonFile = None,
) -> None:
    """List devices, late ones first: state, version, clock, spool, cameras. Exits with 3 if one is late or missing.

    Example: raypp device list --ledger sqlite:///ledger.db
    """
    require_packages(_RECORDS, "device list")
    with opened_ledgers(ledger) as opened:
        while True:
            listing = _listed(opened, site)
            say_all(_listing_lines(listing))
            for name in listing.silent:
                note(f"ledger {name} does not answer: its devices are not listed")
            write_json(json_file, listing)
            if again_s is None:
                break
            time.sleep(again_s)
    end_with_attention(any(each.is_overdue for each in listing.devices) or bool(listing.silent))


@device.command("show")
def device_show(
    site: SiteName,
    name: DeviceName = "agent",
    ledger: LedgerUrl = None,
    again_s: Again = None,
    json_file: JsonFile = None,
) -> None:
    """Show one device with its cameras. Exits with 3 if it is late or missing.

    Example: raypp device show plant-1 --ledger sqlite:///ledger.db
    """
    require_packages(_RECORDS, "device show")
    with opened_ledgers(ledger) as opened:
        while True:
            shown = next((each for each in _listed(opened, site).devices if each.device == name), None)
            if shown is None:
                raise OptionError(f"site {site} has no device {name}; `raypp device list` names them")
            say_all(_device_lines(shown))
            write_json(json_file, shown)
            if again_s is None:
                break
            time.sleep(again_s)
    end_with_attention(shown.is_overdue)


@device.command("retire")
def device_retire(site: SiteName, name: DeviceName, ledger: LedgerUrl = None) -> None:
    """Forget a device that is gone. One that still reports comes back with its next report.

    Example: raypp device retire plant-1 gate-box --ledger sqlite:///ledger.db
    """
    require_packages(_RECORDS, "device retire")
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.devices import Devices

    with opened_ledgers(ledger, upgrade=True) as opened:
        Devices(opened.of(site)).retire(site, name, command_line_account())
    note(f"device {site}/{name} is retired")


device.command("sign")(device_sign)
device.command("configure")(device_configure)


def _listed(opened: "Ledgers", site: str | None) -> "DevicesListing":
    from raypp.reports.devices import list_devices

    return list_devices(opened, opened.clock(), site)


def _listing_lines(listing: "DevicesListing") -> Iterator[str]:
    for each in listing.devices:
        yield _line(each)
        yield from (f"  {concern}" for concern in each.concerns)
    if listing.devices:
        states = ", ".join(f"{count} {state.value}" for state, count in listing.counts().items())
        yield f"{counted(len(listing.devices), 'device')}: {states}"
    else:
        yield "no devices; one is listed once its agent has reported, see `raypp stream`"


def _line(listed: "DeviceListing") -> str:
    from raypp.reports.devices import clock_words

    report = listed.report
    cameras = counted(len(report.cameras) + report.cameras_left_out, "camera")
    return (
        f"{listed.state.value:<10}{listed.site}/{listed.device}  heard {lasting(listed.silent_s)} ago, "
        f"version {report.agent_version}, clock {clock_words(report)}, spool {byte_size(report.spool_bytes)}, {cameras}"
    )


def _device_lines(listed: "DeviceListing") -> Iterator[str]:
    from raypp.reports.devices import clock_words

    report = listed.report
    yield f"device    {listed.site}/{listed.device}  {listed.state.value}"
    yield f"heard     {lasting(listed.silent_s)} ago, first {shown_time(listed.first_us)}"
    yield f"version   {report.agent_version}, started {shown_time(listed.started_us)}"
    yield f"clock     {clock_words(report)}"
    waits = "" if listed.waits_s is None else f", the oldest live frame waits for {lasting(listed.waits_s)}"
    yield f"spool     {byte_size(report.spool_bytes)}{waits}, {byte_size(report.disk_free_bytes)} free"
    yield f"veil      {report.veil_id}"
    number = report.configuration_number
    yield f"configuration  {f'number {number}' if number else 'none'}"
    for camera in report.cameras:
        newest = "no frame yet" if camera.last_frame_us is None else f"latest {shown_time(camera.last_frame_us)}"
        yield (
            f"  {camera.camera}  {camera.condition.value}, {camera.fps:.2f} frames/s, {newest}, "
            f"{camera.waiting_frames:,} waiting, {camera.dropped_frames:,} dropped"
        )
    if report.cameras_left_out:
        yield f"  and {counted(report.cameras_left_out, 'more camera')}"
    for concern in listed.concerns:
        yield f"see to    {concern}"
