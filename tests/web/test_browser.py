"""The page in a real browser: what its script makes of it, and that nothing leaves the machine."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.reports.conftest import CLASSES, NOW_US
from tests.reports.plants import Day, Seen, moment, record
from tests.web.serving import served
from tests.web.yards import CAMERA, DAYS, safety_site, violations, write
from tests.web.yards import NOW_US as YARD_US

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs a browser: install chromium, such as `apt install chromium`"
)


def browse(address: str, folder: Path, *options: str) -> str:
    """Open an address in a fresh, headless browser, and return what it printed."""
    done = subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(
                "--disable-dev-shm-usage",
                f"--user-data-dir={folder / 'profile'}",
                f"--log-net-log={folder / 'net.json'}",
            ),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing leaves the machine
            *options,
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def asked_by_page(folder: Path, where: str) -> list[str]:
    """Every address that the page itself asked for; a browser's own errands have other initiators."""
    events = json.loads((folder / "net.json").read_text())["events"]
    started = [event["params"] for event in events if "initiator" in event.get("params", {})]
    return [request["url"] for request in started if "url" in request and request["initiator"] == f"http://{where}"]


def test_lanes_and_uses_are_shown_and_kept_fresh_and_nothing_leaves_the_host(tmp_path):
    def day(seconds: float) -> Day:
        uses = [Seen("hammer", 5, 20), Seen("saw", 25, 40), Seen("hammer", 70, 90)]
        return Day("gate", moment(2026, 3, 2, 14, 50), seconds, uses, [(45, 50, None)], last=False)

    seen: list[str] = []
    news = Day("gate", moment(2026, 3, 2, 14, 55), 30, [Seen("helmet", 5, 20)])
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=lambda: NOW_US) as ledger:
        identities = Identities(ledger)
        identities.add_site("plant-1")
        token = identities.add_operator("boss")
        record(ledger, "plant-1", [day(60)], CLASSES)

        def clock() -> int:
            if seen.count("/sites/plant-1") == 3:  # the challenge and the page came before
                record(ledger, "plant-1", [news], CLASSES)
            return NOW_US

        with served(ledger, identities, clock, seen) as where:
            address = f"http://anyone:{token}@{where}/sites/plant-1"
            page = browse(address, tmp_path, "--virtual-time-budget=25000", "--dump-dom")
    assert 'data-ready="yes"' in page
    assert re.search(r'id="live"[^>]*><span>updated (?:now|\d+ s ago)<', page)
    lanes = re.findall(r'data-tool="(\w+)" data-station="" data-uses="(\d)"', page)
    assert lanes == [("hammer", "1"), ("helmet", "1"), ("saw", "1")]  # helmet: came with the news
    assert page.count("data-episode=") == 3
    assert "url(#hatch)" in page
    assert seen.count("/sites/plant-1") >= 3
    assert set(seen) <= {"/sites/plant-1", "/favicon.svg"}
    urls = asked_by_page(tmp_path, where)
    assert len(urls) >= 2
    assert {urlsplit(url).netloc for url in urls} == {where}


def test_violations_come_by_themselves_and_each_figure_is_shown(tmp_path):
    seen: list[str] = []
    with safety_site(tmp_path / "ledger.db") as site:

        def clock() -> int:
            if seen.count("/sites/yard/safety") == 3:
                stream = StreamName("yard", CAMERA, DAYS[-1] + 7200 * 1_000_000)
                write(site.ledger, stream, list(violations(stream, 2, last=False)))
            return YARD_US

        with served(site.ledger, site.identities, clock, seen) as where:
            address = f"http://anyone:{site.tokens['yard']}@{where}/sites/yard/safety"
            image = tmp_path / "page.png"
            browse(address, tmp_path, "--window-size=390,3000", f"--screenshot={image}", "--hide-scrollbars")
            page = browse(address, tmp_path, "--virtual-time-budget=25000", "--dump-dom")
    with Image.open(image) as shot:
        colours = {colour for _, colour in shot.convert("RGB").getcolors(1 << 22)}
    assert {(0x24, 0x57, 0xC5), (0xB3, 0x26, 0x1E)} <= colours  # worn, and not worn
    assert page.count("data-violation=") == 26
    assert re.search(r"helmet[^<]*</span>.*?<circle [^>]*cy=", page, re.DOTALL)
    assert "<select" in page


@pytest.mark.parametrize("width", [390, 1280])
def test_a_screenshot_shows_the_timeline(plant, tmp_path, width):
    with served(plant.ledger, plant.identities, lambda: NOW_US) as where:
        address = f"http://anyone:{plant.tokens['operator']}@{where}/sites/plant-1"
        image = tmp_path / "page.png"
        browse(address, tmp_path, f"--window-size={width},1600", f"--screenshot={image}", "--hide-scrollbars")
    with Image.open(image) as shot:
        colours = {colour for _, colour in shot.convert("RGB").getcolors(1 << 22)}
    assert {(0x3B, 0x6F, 0xD4), (0xD9, 0x77, 0x2B)} <= colours  # hammer and saw
    assert json.loads((tmp_path / "net.json").read_text())["events"]
