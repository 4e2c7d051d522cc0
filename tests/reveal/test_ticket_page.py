"""The page of tickets: plain frames for this machine's user alone, and answers from the page itself alone."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from raypp.errors import KeyFileError, OptionError
from raypp.reveal.owner_side import OwnerSide
from raypp.reveal.ticket_frames import TicketFrames
from raypp.reveal.ticket_page import serve_tickets
from raypp.shards.reader import ShardReader
from raypp.tickets.journal import AnswerJournal
from raypp.tickets.ticketed import TicketedArchive, match_archive
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.reveal.chromium import CHROMIUM, browser_tab
from tests.reveal.local_client import LocalClient, served
from tests.tickets.archives import labels_of, opened, suspects, veiled


@pytest.fixture(scope="module")
def ticketed(tmp_path_factory: pytest.TempPathFactory) -> TicketedArchive:
    place = tmp_path_factory.mktemp("archive")
    archive = veiled(place)
    (place / "suspects.csv").write_text(suspects(archive))
    return match_archive(ShardReader(str(archive)), opened(archive, place / "suspects.csv"))


def _side(ticketed: TicketedArchive) -> OwnerSide:
    root = ticketed.reader.store.root
    return OwnerSide(root, Path(root).with_name("owner.key"))


@pytest.fixture
def browser(ticketed: TicketedArchive, tmp_path: Path) -> Iterator[LocalClient]:
    """A browser beside a page that is served; it has not opened it yet."""
    frames = TicketFrames(_side(ticketed).open(), ticketed.tickets)
    with (
        AnswerJournal(tmp_path / "given.jsonl", ticketed.tickets, ticketed.table.classes) as journal,
        served(lambda ready: serve_tickets(ticketed, journal, frames, 0, ready)) as client,
    ):
        yield client


def test_the_owner_sees_the_plain_frame_and_answers(
    browser: LocalClient, ticketed: TicketedArchive, tmp_path: Path
) -> None:
    browser.enter()
    listed = json.loads(browser.ask("/api/tickets")[2])
    first = listed["tickets"][0]
    assert (listed["classes"], first["class"], first["verdict"]) == (["hammer", "saw"], "saw", None)
    assert len(first["labels"]) == 1
    status, headers, body = browser.ask(f"/frames/{first['ticket']}")
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/jpeg", "no-store")
    image = Image.open(io.BytesIO(body))
    assert image.size == (96, 96)
    assert image.getcolors(96 * 96) is None or len(image.getcolors(96 * 96)) > 50
    assert browser.ask("/api/answers", {"ticket": first["ticket"], "verdict": "agree"})[0] == 200
    kept = (tmp_path / "given.jsonl").read_text()
    assert json.loads(kept) == {"ticket": first["ticket"], "verdict": "agree"}
    status, _, body = browser.ask("/api/answers", {"ticket": first["ticket"], "verdict": "disagree"})
    assert (status, "is answered twice" in json.loads(body)["error"]) == (409, True)
    wrong = {"class": "gun", "x": 0.5, "y": 0.5, "w": 0.1, "h": 0.1}
    second = {"ticket": listed["tickets"][1]["ticket"], "verdict": "corrected", "boxes": [wrong]}
    assert "class 'gun' is none" in json.loads(browser.ask("/api/answers", second)[2])["error"]
    assert (tmp_path / "given.jsonl").read_text() == kept


def test_nobody_else_gets_in(browser: LocalClient, ticketed: TicketedArchive, tmp_path: Path) -> None:
    ticket = ticketed.tickets[0].ticket
    answer = {"ticket": ticket, "verdict": "agree"}
    for path in ("/", "/?token=wrong", "/api/tickets", f"/frames/{ticket}", "/tickets.js"):
        assert browser.ask(path)[0] == 403, path
    browser.enter()
    assert browser.ask("/", Host="evil.example")[0] == 403
    assert browser.ask("/api/answers", answer, X_CSRF_Token="wrong")[0] == 403
    assert browser.ask("/api/answers", answer, Origin="http://evil.example")[0] == 403
    assert browser.ask("/api/answers")[0] == 405
    assert browser.ask("/api/answers", {"ticket": ticket, "verdict": "agree", "why": "x" * 70_000})[0] == 413
    assert (tmp_path / "given.jsonl").read_bytes() == b""


def test_a_browser_may_run_nothing_but_the_pages_own_script(browser: LocalClient) -> None:
    browser.enter()
    _, headers, body = browser.ask("/")
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert {policy.pop(f"{kind}-src") for kind in ("style", "script", "connect", "img")} == {"'self'"}
    assert set(policy.values()) == {"'none'"}
    assert set(policy) == {"form-action", "base-uri", "frame-ancestors"}
    text = body.decode()
    assert "<style" not in text
    assert "onclick" not in text
    own = [f'<script src="/{name}.js" defer>' for name in ("local_page", "tickets")]
    assert re.findall(r"<script[^>]*>", text) == own


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: install chromium, such as `apt install chromium`")
def test_keys_in_a_real_browser_answer_a_ticket(
    browser: LocalClient, ticketed: TicketedArchive, tmp_path: Path
) -> None:
    with browser_tab(tmp_path / "profile") as tab:
        tab.call("Page.navigate", url=browser.address)
        tab.wait("document.body.dataset.ready === 'yes'")
        first = tab.evaluate("document.body.dataset.ticket")
        assert first == ticketed.tickets[0].ticket
        tab.wait("document.getElementById('frame').naturalWidth === 96")
        tab.press("n")
        tab.wait("document.body.dataset.answered === '1'")
        assert tab.problems == []
    assert json.loads((tmp_path / "given.jsonl").read_text())["ticket"] == first


def test_a_frame_that_cannot_be_had_is_told(ticketed: TicketedArchive, tmp_path: Path) -> None:
    root = Path(ticketed.reader.store.root)
    hidden = root.with_name("elsewhere")
    root.with_name("tools").rename(hidden)
    try:
        frames = TicketFrames(_side(ticketed).open(), ticketed.tickets)
    finally:
        hidden.rename(root.with_name("tools"))
    sample = ticketed.tickets[0].sample_id
    assert frames.image(sample) is None
    assert "has moved or changed" in frames.problem(sample)
    save_owner_key(VeilKey.generate(), tmp_path / "other.key")
    with pytest.raises(KeyFileError, match="use that key and its epoch"):
        OwnerSide(str(root), tmp_path / "other.key").open()


def test_a_port_that_is_taken_is_one_line(browser: LocalClient, ticketed: TicketedArchive, tmp_path: Path) -> None:
    port = urlsplit(browser.address).port
    frames = TicketFrames(_side(ticketed).open(), ())
    with (
        AnswerJournal(
            tmp_path / "other.jsonl", ticketed.tickets, labels_of(Path(ticketed.reader.store.root)).classes
        ) as journal,
        pytest.raises(OptionError, match=f"`port` {port}: Address already in use; choose another"),
    ):
        serve_tickets(ticketed, journal, frames, port, print)
