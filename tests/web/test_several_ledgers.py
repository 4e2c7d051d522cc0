"""The pages of sites that are spread over several ledgers, of which one may not answer."""

import json
from dataclasses import replace
from pathlib import Path

from sqlalchemy import update

from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.site_move import SiteMove
from raypp.ledger.tables import DAY_US, SiteRow, StreamRow
from raypp.usage.episode import StreamName
from raypp.web.freshness import page_tag
from raypp.web.request import PageRequest, PageResponse
from raypp.web.routes import respond
from raypp.web.site_days import read_days
from raypp.web.sites_page import KnownSites, site_states, sites_page
from tests.ledger.moved import PARTS
from tests.ledger.site import SECOND, STREAM, T0, Clock, Connection
from tests.web.pages import Page, basic

_DOWN = "postgresql+psycopg://raypp@/ledger?host=/nonexistent"


def _get(ledgers: Ledgers, path: str, token: str) -> PageResponse:
    return respond(PageRequest("GET", path, "", basic(token)), ledgers, Identities(ledgers), Clock().now)


def test_one_list_has_the_sites_of_all_ledgers_and_says_when_some_are_missing(tmp_path: Path):
    urls = {name: f"sqlite:///{tmp_path}/{name}.db" for name in ("north", "south")}
    with Ledgers.open(LedgerList(urls), clock=Clock()) as ledgers:
        identities = Identities(ledgers)
        site = identities.add_site("plant-1", into="north")
        identities.add_site("plant-2", into="south")
        ledgers.of("plant-2").add_site("plant-3")
        ledgers.of("plant-2").configure("plant-2", "time_zone: Europe/Berlin\n")
        boss = identities.add_operator("anna")
        for name in ("plant-1", "plant-2"):
            Connection(ledgers.of(name), replace(STREAM, site=name)).send_all(PARTS)
        page = Page(_get(ledgers, "/", boss))
        assert page.named("data-site") == ["plant-1", "plant-2", "plant-3"]
        assert "3 sites" in page.text
        assert "cannot be reached" not in page.text
        listed = json.loads(_get(ledgers, "/api/sites", boss).body)
        assert "incomplete" not in listed
        names = KnownSites(("plant-1", "plant-2", "plant-3"))
        assert listed["sites"] == site_states(ledgers, names, Clock().now), "read together, and one by one"
        assert [each["time_zone"] for each in listed["sites"]] == ["UTC", "Europe/Berlin", "UTC"]
        assert _get(ledgers, "/sites/plant-2", boss).status == 200
    with Ledgers.open(LedgerList(urls | {"south": _DOWN}), clock=Clock()) as some:
        page = Page(_get(some, "/", boss))
        assert page.named("data-site") == ["plant-1"]
        assert "1 site, and those of a ledger that cannot be reached just now" in page.text
        listed = json.loads(_get(some, "/api/sites", boss).body)
        assert ([each["name"] for each in listed["sites"]], listed["incomplete"]) == (["plant-1"], True)
        assert _get(some, "/sites/plant-1", site).status == 200
        assert _get(some, "/sites/plant-2", boss).status == 503


def test_a_page_and_its_tag_are_the_same_read_together_and_site_by_site(tmp_path: Path):
    urls = {name: f"sqlite:///{tmp_path}/{name}.db" for name in ("north", "south")}
    now_us = Clock().now
    zones = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/New_York")
    with Ledgers.open(LedgerList(urls), clock=Clock()) as ledgers:
        for number in range(12):
            site, name = f"plant-{number:02}", list(urls)[number % 2]
            ledger = ledgers.place(site, name)
            ledger.add_site(site)
            ledger.configure(site, f"time_zone: {zones[number % 4]}\ntools: [{{class: drill}}]\n")
            if number % 5:
                for camera in ("gate", "hall")[: 1 + number % 2]:
                    epoch = T0 - 3600 * SECOND * number
                    Connection(ledger, StreamName(site, camera, epoch)).send_all(PARTS[: 3 + number])
        moved = ledgers.named("north").ledger()
        SiteMove(ledgers.of("plant-01"), moved, "plant-01").run()
        with ledgers.of("plant-02").database.write() as connection:
            newest = {"newest_us": now_us + 40 * DAY_US}  # a clock that is wrong
            connection.execute(update(StreamRow).where(StreamRow.site == "plant-02").values(newest))
            connection.execute(update(SiteRow).where(SiteRow.name == "plant-04").values(settings="newer: 1"))
        names = tuple(site.name for site in ledgers.site_list().sites)
        together = KnownSites(names, ledgers.site_list().ledger_of)
        page = sites_page(ledgers, together, now_us)
        assert page == sites_page(ledgers, KnownSites(names), now_us)
        assert [card.latest is None for card in page.cards] == [n % 5 == 0 or n == 4 for n in range(12)]
        assert page.cards[4].state.text == "cannot be shown"
        assert len({card.latest.uses for card in page.cards if card.latest}) > 1
        assert site_states(ledgers, together, now_us) == site_states(ledgers, KnownSites(names), now_us)
        shown = [name for name in names if name != "plant-04"]
        request = PageRequest("GET", "/", "")
        tag = page_tag(request, ledgers, shown, now_us, together.ledger_of)
        assert tag == page_tag(request, ledgers, shown, now_us)
        Connection(ledgers.of("plant-05"), StreamName("plant-05", "gate", T0)).send_all(PARTS[:1])
        assert tag != page_tag(request, ledgers, shown, now_us, together.ledger_of)
        assert read_days(ledgers, together.ledger_of, names, now_us).keys() == set(names) - {"plant-02", "plant-04"}
