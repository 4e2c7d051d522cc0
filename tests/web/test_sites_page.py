import json

from sqlalchemy import update

from raypp.errors import LedgerError, SettingsError
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.ledger.tables import SiteRow
from raypp.web import site_days
from raypp.web.request import PageRequest
from raypp.web.routes import respond
from raypp.web.sites_page import PAGE_SITES
from tests.reports.conftest import NOW_US
from tests.web.pages import Page, basic, get


def test_many_sites_come_in_pages(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        identities = Identities(ledger)
        for number in range(PAGE_SITES + 1):
            ledger.add_site(f"site-{number:03}")
        headers = basic(identities.add_operator("boss"))
        pages = [
            Page(respond(PageRequest("GET", "/", query, headers), ledger, identities, NOW_US))
            for query in ("", "page=2", "page=9")
        ]
        state = respond(PageRequest("GET", "/api/sites", "", headers), ledger, identities, NOW_US)
    assert [len(page.named("data-site")) for page in pages] == [PAGE_SITES, 1, 1]
    assert pages[1].named("data-site") == [f"site-{PAGE_SITES:03}"]
    assert "/?page=2" in pages[0].named("href")
    assert len(json.loads(state.body)["sites"]) == PAGE_SITES + 1


def test_a_site_whose_settings_a_newer_raypp_wrote_is_told_among_all_others(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        for name in ("new", "old"):
            ledger.add_site(name)
        with ledger.database.write() as connection:
            connection.execute(update(SiteRow).where(SiteRow.name == "new").values(settings="of_tomorrow: 1"))
        identities = Identities(ledger)
        headers = basic(identities.add_operator("boss"))
        answer = respond(PageRequest("GET", "/api/sites", "", headers), ledger, identities, NOW_US)
    new, old = json.loads(answer.body)["sites"]
    assert "of_tomorrow" in new["error"]
    assert old["state"] == "no frames yet"


def test_a_site_that_cannot_be_read_does_not_take_the_others_with_it(plant, monkeypatch):
    class OneBad:
        def __init__(self, error):
            self.error = error

        def __getattr__(self, name):
            return getattr(plant.ledger, name)

        def present_settings(self, site):
            if site == "other":
                raise self.error
            return plant.ledger.present_settings(site)

    for error, words in (
        (SettingsError("settings of site other were written by a newer raypp"), "written by a newer raypp"),
        (OverflowError("date value out of range"), "the service's log says why"),
        (LedgerError("table x of postgresql://secret-host is gone"), "the service's log says why"),
    ):
        bad = OneBad(error)
        monkeypatch.setattr(site_days, "settings_of", lambda site, _, bad=bad: bad.present_settings(site))
        answer = get(plant, "/", ledger=bad)
        page = Page(answer)
        assert page.named("data-site") == ["other", "plant-1", "quiet"]
        assert words in page.text
        assert "5 uses" in page.text  # of plant-1
        assert b"secret-host" not in answer.body
    assert get(plant, "/sites/other", ledger=OneBad(OverflowError("date"))).status == 500
