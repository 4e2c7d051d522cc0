"""The pages of devices: late ones first, each reader sees their own, and no text of a site runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from raypp.ledger.device_values import CameraCondition, DeviceCamera
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.web.request import PageRequest, PageResponse
from raypp.web.routes import respond
from tests.ledger.site import SECOND, Clock
from tests.web.devices import note_device
from tests.web.escaping import NASTY
from tests.web.pages import Page, basic


@dataclass
class Sites:
    ledger: Ledger
    clock: Clock
    tokens: dict[str, str]

    def get(self, path: str, who: str = "boss", query: str = "") -> PageResponse:
        request = PageRequest("GET", path, query, basic(self.tokens[who]))
        return respond(request, self.ledger, Identities(self.ledger), self.clock.now)

    def listed(self, who: str = "boss") -> list[str]:
        return Page(self.get("/devices", who)).named("data-device")


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Sites]:
    clock = Clock()
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as ledger:
        identities = Identities(ledger)
        tokens = {name: identities.add_site(name) for name in ("plant-1", "plant-2")}
        yield Sites(ledger, clock, tokens | {"boss": identities.add_operator("boss")})


def test_what_is_missing_late_or_in_trouble_comes_first(sites: Sites) -> None:
    note_device(sites.ledger, "plant-1", "gone")
    sites.clock.now += 850 * SECOND
    note_device(sites.ledger, "plant-1", "late")
    note_device(sites.ledger, "plant-2", "ended", stopped=True)
    sites.clock.now += 91 * SECOND
    note_device(sites.ledger, "plant-1", "well")
    refused = DeviceCamera(camera="gate", condition=CameraCondition.REFUSED)
    trouble = {"cameras": (refused,), "clock_offset_us": 7 * SECOND, "disk_free_bytes": 5_000_000}
    note_device(sites.ledger, "plant-2", "troubled", **trouble)
    answer = Page(sites.get("/devices"))
    names = ["gone", "late", "troubled", "well", "ended"]
    assert [name.split("/")[1] for name in answer.named("data-device")] == names
    assert "5 devices, 1 missing, 1 late, 2 reporting, 1 stopped" in answer.text
    assert "clock 7.0 s behind; 5.0 MB free on the disk; refused: gate" in answer.text
    listed = json.loads(sites.get("/api/devices").body)["devices"]
    assert [device["state"] for device in listed] == ["missing", "late", "reporting", "reporting", "stopped"]


def test_a_site_sees_its_own_devices_and_no_other(sites: Sites) -> None:
    for name in ("plant-1", "plant-2"):
        note_device(sites.ledger, name, f"box-of-{name}")
    assert sites.listed() == ["plant-1/box-of-plant-1", "plant-2/box-of-plant-2"]
    assert sites.listed("plant-1") == ["plant-1/box-of-plant-1"]
    assert b"plant-2" not in sites.get("/api/devices", "plant-1").body
    for who, status in (("plant-1", 403), ("plant-2", 200), ("boss", 200)):
        answer = sites.get("/sites/plant-2/devices", who)
        assert (answer.status, b"box-of-plant-2" in answer.body) == (status, status == 200)
    assert sites.get("/sites/plant-9/devices").status == 404


def test_a_site_s_page_has_the_cameras_of_each_device(sites: Sites) -> None:
    cameras = (
        DeviceCamera(camera="gate", condition=CameraCondition.CAPTURING, fps=1.999, last_frame_us=sites.clock.now),
        DeviceCamera(camera="yard", condition=CameraCondition.SILENT, dropped_frames=1234),
    )
    note_device(
        sites.ledger, "plant-1", cameras=cameras, cameras_left_out=3, oldest_unsent_us=sites.clock.now - 7200 * SECOND
    )
    page = Page(sites.get("/sites/plant-1/devices"))
    assert page.named("data-camera") == ["gate", "yard"]
    for words in ("2.00", "just now", "1,234", "1 capturing, 1 silent, 3 more", "frames wait to be sent since 2 h 00"):
        assert words in page.text
    assert "/devices" in Page(sites.get("/")).named("href")
    assert "/sites/plant-1/devices" in Page(sites.get("/sites/plant-1")).named("href")


def test_no_text_of_a_device_runs(sites: Sites) -> None:
    camera = DeviceCamera(camera=NASTY, condition=CameraCondition.SILENT)
    note_device(sites.ledger, "plant-1", NASTY, agent_version=NASTY, cameras=(camera,))
    for path in ("/devices", "/sites/plant-1/devices"):
        answer = sites.get(path)
        assert sum(tag == "script" for tag, _ in Page(answer).elements) == 1


def test_devices_come_in_pages_and_there_may_be_none(sites: Sites) -> None:
    assert "No devices yet" in Page(sites.get("/devices")).text
    for number in range(201):
        note_device(sites.ledger, "plant-1", f"d{number:03}")
    assert [len(Page(sites.get("/devices", query=f"page={page}")).named("data-device")) for page in (1, 2, 9)] == [
        200, 1, 1,
    ]  # fmt: skip


def test_devices_of_a_ledger_that_does_not_answer_are_not_among_them_and_the_page_says_so(tmp_path: Path) -> None:
    down = "postgresql+psycopg://raypp@/ledger?host=/nonexistent"
    named = LedgerList({"north": f"sqlite:///{tmp_path}/north.db", "south": down})
    with Ledgers.open(named, clock=Clock()) as ledgers:
        identities = Identities(ledgers)
        north = ledgers.named("north").ledger()
        north.add_site("plant-1")
        note_device(north, "plant-1")
        headers = basic(identities.add_operator("boss"))
        answer = respond(PageRequest("GET", "/devices", "", headers), ledgers, identities, Clock().now)
    page = Page(answer)
    assert page.named("data-device") == ["plant-1/agent"]
    assert "1 device, 1 reporting, and those of a ledger that cannot be reached just now" in page.text
