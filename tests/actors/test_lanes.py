"""A gateway with two ledgers, of which one stands still: pages, reports, streams and tokens of the other go on."""

import asyncio
import base64
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from actors import application as of_application
from actors import lanes as of_lanes
from actors.lanes import Lanes
from actors.pages import Pages
from actors.services import Services
from raypp.errors import LedgerUnavailableError
from raypp.ledger import member as of_member
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.serving.access import Front
from raypp.serving.settings import ServiceSettings
from raypp.web.freshness import page_tag
from raypp.web.request import PageRequest
from raypp.web.routes import make
from raypp.web.sites_page import KnownSites, site_states, sites_page
from tests.ledger.postgres import PostgresServer

_LONGEST_S = 20.0
"""What is told within a second may take so long on a machine that is busy; what hangs takes for ever."""


class _Gateway:
    """A gateway's services as far as pages use them, on two real ledgers, each with a site of its own name."""

    bearer = Services.bearer

    def __init__(self, ledgers: Ledgers) -> None:
        self.front = Front(None)
        self.settings = ServiceSettings(models=(Path("tools.model"),))
        self.ledgers = ledgers
        self.lanes = Lanes(ledgers, self.settings)
        self.identities = Identities(ledgers)
        self.tokens = {name: self.identities.add_site(name, into=name) for name in ledgers.members}
        self.tokens["boss"] = self.identities.add_operator("boss")
        self.failures: list[str] = []

    def ledger_failed(self, error: LedgerUnavailableError) -> None:
        self.failures.append(str(error))

    def pages(self) -> Pages:
        return Pages(self, partial(make, self.ledgers))  # type: ignore[arg-type]


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: PostgresServer) -> Iterator[_Gateway]:
    monkeypatch.setattr(of_lanes, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(of_member, "_SLOW_S", 0.5)
    urls = {"file": f"sqlite:///{tmp_path}/file.db", "server": server.database()}
    with Ledgers.open(LedgerList(urls)) as ledgers:
        yield _Gateway(ledgers)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer(fsync="off") as server:
        yield server


async def _get(pages: Pages, path: str, token: str) -> tuple[int, str, float]:
    secret = base64.b64encode(f"x:{token}".encode())
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"", "server": ("127.0.0.1", 80),
        "headers": [(b"authorization", b"Basic " + secret)],
    }  # fmt: skip
    began = time.monotonic()
    answer: Response = await pages.answer(Request(scope))
    return answer.status_code, bytes(answer.body).decode(), time.monotonic() - began


def test_pages_of_a_ledger_that_stands_still_say_so_and_the_other_s_are_as_always(
    gateway: _Gateway, server: PostgresServer
):
    async def run() -> None:
        pages, boss = gateway.pages(), gateway.tokens["boss"]
        for path in ("/sites/server", "/sites/file", "/"):
            status, body, _ = await _get(pages, path, boss)
            assert status == 200, body
        with server.frozen():
            waiting = [asyncio.create_task(_get(pages, "/sites/server", boss)) for _ in range(6)]
            waiting += [asyncio.create_task(_get(pages, "/sites/server", gateway.tokens["server"])) for _ in range(2)]
            for _ in range(3):
                status, body, took_s = await _get(pages, "/sites/file", gateway.tokens["file"])
                assert (status, took_s < _LONGEST_S) == (200, True), (body, took_s)
            for status, body, took_s in await asyncio.gather(*waiting):
                assert status == 503, body
                assert took_s < _LONGEST_S
            assert any("ledger server" in failure for failure in gateway.failures)
            status, body, took_s = await _get(pages, "/", boss)
            assert (status, took_s < _LONGEST_S) == (200, True), (body, took_s)
            assert "1 site, and those of a ledger that cannot be reached just now" in body
            with pytest.raises(LedgerUnavailableError):
                lane = gateway.lanes.each()[1]
                await lane.read(lane.ledger.sites)
        deadline = time.monotonic() + 60
        while (await _get(pages, "/sites/server", boss))[0] != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        status, body, _ = await _get(pages, "/", boss)
        assert (status, "2 sites" in body) == (200, True)

    asyncio.run(run())
    _join_those_left_behind()


def _join_those_left_behind() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith(("asking-", "reports", "reading-")):
            thread.join(1)


def test_a_token_that_was_looked_up_waits_for_no_ledger(gateway: _Gateway):
    async def run() -> None:
        token, release = gateway.tokens["file"], threading.Event()
        assert (await gateway.bearer(token)).site == "file"
        full = [asyncio.create_task(gateway.lanes.seek(release.wait, 60)) for _ in range(12)]
        try:
            assert (await asyncio.wait_for(gateway.bearer(token), 10)).site == "file"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(gateway.bearer(gateway.tokens["server"]), 0.2)
        finally:
            release.set()
            await asyncio.gather(*full)
        assert gateway.identities.believed(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
        assert gateway.identities.believed(None) is None

    asyncio.run(run())


@pytest.mark.parametrize("shown", ["page", "tag", "states"])
def test_a_ledger_that_freezes_once_it_was_found_to_have_a_site_holds_up_no_list(
    gateway: _Gateway, server: PostgresServer, monkeypatch: pytest.MonkeyPatch, shown: str
):
    find, began, known, now_us = Ledgers.find, time.monotonic(), KnownSites(("file", "server")), gateway.ledgers.clock()
    with ExitStack() as frozen:

        def find_and_freeze(self: Ledgers, name: str, look: Any) -> Any:
            placed = find(self, name, look)
            if name == "server":
                frozen.enter_context(server.frozen())
            return placed

        monkeypatch.setattr(Ledgers, "find", find_and_freeze)
        if shown == "page":
            cards = sites_page(gateway.ledgers, known, now_us).cards
            assert [card.state.text == "cannot be shown" for card in cards] == [False, True]
        elif shown == "states":
            assert ["error" in state for state in site_states(gateway.ledgers, known, now_us)] == [False, True]
        else:
            with pytest.raises(LedgerUnavailableError):
                page_tag(PageRequest("GET", "/"), gateway.ledgers, known.names, now_us)
        assert time.monotonic() - began < _LONGEST_S
    _join_those_left_behind()


def test_work_that_ends_while_the_ledger_is_looked_at_counts(gateway: _Gateway, monkeypatch: pytest.MonkeyPatch):
    lane, done = gateway.lanes.each()[0], threading.Event()

    def require_answer(_: object) -> None:
        done.set()
        time.sleep(0.5)
        raise LedgerUnavailableError("it does not answer")

    monkeypatch.setattr(of_member.Member, "require_answer", require_answer)
    assert asyncio.run(lane.read(done.wait, 60)) is True


def test_a_gateway_that_goes_leaves_all_ledgers_at_once_and_waits_for_none_that_hangs(
    gateway: _Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    assert of_lanes._LEAVING_S < 0.5 * of_application._DRAIN_S, "Serve kills it after that, draining included"
    caplog.set_level(logging.WARNING)
    left, release = [], threading.Event()
    hung, good = gateway.lanes.each()

    def leave(lane: Any) -> None:
        if lane is hung:
            release.wait(60)
        left.append(lane.name)

    monkeypatch.setattr(type(hung), "leave", leave)
    began = time.monotonic()
    gateway.lanes.leave()
    assert time.monotonic() - began < _LONGEST_S
    assert left == [good.name]
    assert f"ledger {hung.name} does not answer" in caplog.text
    release.set()
