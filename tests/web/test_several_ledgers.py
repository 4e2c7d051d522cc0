"""The pages of sites that are spread over several ledgers, of which one may not answer."""

import json
from dataclasses import replace
from pathlib import Path

from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.web.request import PageRequest, PageResponse
from raypp.web.routes import respond
from raypp.web.sites_page import KnownSites, site_states
from tests.ledger.moved import PARTS
from tests.ledger.site import STREAM, Clock, Connection
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
