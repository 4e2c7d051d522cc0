"""Devices: whether each reports, its clock, spool and cameras; those that need somebody first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from raypp.ledger.device_values import BAD_CONDITIONS, CameraCondition, DeviceCamera, DeviceState
from raypp.reports.devices import DeviceListing, DevicesListing, clock_words
from raypp.reports.wording import ago, duration
from raypp.text.wording import byte_size, counted
from raypp.web.addresses import devices_address, site_address
from raypp.web.values import SITES, Badge, Chip, Crumb, Notice, Page, Pager

DEVICES = Crumb("Devices", "/devices")
PAGE_DEVICES = 200
_LOOKS: Mapping[DeviceState, Literal["", "good", "warn", "bad"]] = {
    DeviceState.MISSING: "bad",
    DeviceState.LATE: "warn",
    DeviceState.REPORTING: "good",
    DeviceState.STOPPED: "",
}
_NOT_WHOLE = ", and those of a ledger that cannot be reached just now"


@dataclass(frozen=True, slots=True)
class DeviceCameraLine:
    """A camera of a device, in words."""

    camera: str
    condition: Badge
    fps: str
    newest: str
    waiting: str
    dropped: str
    restarts: str


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device, in words; `lines` of its cameras where they are shown."""

    site: str
    address: str
    device: str
    state: Badge
    heard: str
    version: str
    clock: str
    spool: str
    waits: str
    disk: str
    veil: str
    cameras: str
    concerns: tuple[str, ...]
    lines: tuple[DeviceCameraLine, ...]


@dataclass(frozen=True, slots=True)
class DevicesPage(Page):
    """Lines of devices; how many there are in each state; or a notice that there are none."""

    template: ClassVar[str] = "raypp.web/devices.html"
    headline: str
    count: str
    rows: tuple[DeviceLine, ...]
    notice: Notice
    pager: Pager


def devices_page(listing: DevicesListing, now_us: int, page: int = 1, site: str | None = None) -> DevicesPage:
    """Show devices, a page of them at a time; those of one site with their cameras.

    Args:
        listing: the devices, in order.
        now_us: the present, microseconds since 1970.
        page: number of the page, from 1; one beyond the last shows the last.
        site: the site that all of them are of; None where they are of several.
    """
    pages = max(1, -(-len(listing.devices) // PAGE_DEVICES))
    page = min(page, pages)
    shown = listing.devices[(page - 1) * PAGE_DEVICES : page * PAGE_DEVICES]
    here = DEVICES.address if site is None else devices_address(site)
    links = tuple(
        Chip(text, f"{here}?page={other}")
        for text, other in (("\u2039 Before", page - 1), ("After \u203a", page + 1))
        if 1 <= other <= pages
    )
    crumbs = (SITES, DEVICES) if site is None else (SITES, Crumb(site, site_address(site)), Crumb("Devices", here))
    return DevicesPage(
        "Devices \u00b7 raypp" if site is None else f"Devices of {site} \u00b7 raypp",
        crumbs,
        "Devices" if site is None else f"Devices of {site}",
        _count(listing),
        tuple(_line(device, now_us, whole=site is not None) for device in shown),
        Notice("No devices yet", "A device is listed once its agent has reported: ", "raypp stream"),
        Pager(page, pages, links),
    )


def _count(listing: DevicesListing) -> str:
    states = [f"{count} {state.value}" for state, count in listing.counts().items()]
    words = ", ".join([counted(len(listing.devices), "device"), *states])
    return words + (_NOT_WHOLE if listing.silent else "")


def _line(listed: DeviceListing, now_us: int, *, whole: bool) -> DeviceLine:
    report = listed.report
    return DeviceLine(
        site=listed.site,
        address=devices_address(listed.site),
        device=listed.device,
        state=Badge(listed.state.value, _LOOKS[listed.state]),
        heard=ago(listed.reported_us, now_us),
        version=report.agent_version,
        clock=clock_words(report),
        spool=byte_size(report.spool_bytes),
        waits="-" if listed.waits_s is None else duration(listed.waits_s * 1e6),
        disk=byte_size(report.disk_free_bytes),
        veil=report.veil_id[:8],
        cameras=_cameras(report.cameras, report.cameras_left_out),
        concerns=listed.concerns,
        lines=tuple(_camera_lines(listed)) if whole else (),
    )


def _cameras(cameras: tuple[DeviceCamera, ...], left_out: int) -> str:
    counts = {each: sum(camera.condition is each for camera in cameras) for each in CameraCondition}
    words = [f"{count} {condition.value}" for condition, count in counts.items() if count]
    return ", ".join([*words, *([f"{left_out} more"] if left_out else [])]) or "-"


def _camera_lines(listed: DeviceListing) -> Iterator[DeviceCameraLine]:
    offset_us = listed.report.clock_offset_us or 0
    for camera in listed.report.cameras:
        newest_us = camera.last_frame_us
        yield DeviceCameraLine(
            camera.camera,
            Badge(camera.condition.value, _camera_look(camera.condition)),
            f"{camera.fps:.2f}",
            "-" if newest_us is None else ago(newest_us + offset_us, listed.reported_us),
            f"{camera.waiting_frames:,}",
            f"{camera.dropped_frames:,}",
            f"{camera.restarts:,}",
        )


def _camera_look(condition: CameraCondition) -> Literal["", "good", "warn"]:
    if condition in BAD_CONDITIONS:
        return "warn"
    return "good" if condition is CameraCondition.CAPTURING else ""
