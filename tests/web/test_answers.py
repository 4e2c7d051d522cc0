import html
import json
from functools import partial

import pytest

from raypp.ledger.ledgers import Ledgers
from raypp.ledger.member import Member
from raypp.ledger.store import Ledger
from raypp.web.request import PageRequest
from raypp.web.routes import respond
from tests.reports.conftest import NOW_US
from tests.web.pages import Page, get


@pytest.mark.parametrize(("path", "query", "words"), [
    ("/sites/plant-1", "from=noon", "`from` 'noon' is no time"),
    ("/sites/plant-1", "from=2026-03-02&to=2026-03-01", "is not after"),
    ("/sites/plant-1", "from=2025-01-01&to=2026-01-01", "at most 31 days"),
    ("/sites/plant-1/episodes", "page=0", "page '0' is out of range"),
    ("/sites/plant-1/episodes", "page=%D9%A1", "out of range"),
    ("/api/sites/plant-1/episodes", "limit=100000", "limit '100000' is out of range"),
    ("/api/sites/plant-1/episodes", "page=x", "page token is malformed"),
])  # fmt: skip
def test_what_makes_no_sense_is_named(plant, path, query, words):
    answer = get(plant, path, query)
    assert answer.status == 400
    assert words in html.unescape(answer.body.decode())


@pytest.mark.parametrize("path", ["/nowhere", "/sites", "/sites/", "/sites//episodes", "/api", "/sites/plant-1/", "//"])
def test_there_is_no_other_page(plant, path):
    assert get(plant, path).status == 404


def test_an_unknown_site_is_named_to_an_operator(plant):
    answer = get(plant, "/api/sites/nobody/report")
    assert answer.status == 404
    assert "'nobody' is not registered" in json.loads(answer.body)["error"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_the_page_only_reads(plant, method):
    answer = get(plant, "/", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_its_body(plant):
    answer, whole = get(plant, "/sites/plant-1", method="HEAD"), get(plant, "/sites/plant-1")
    assert (answer.status, answer.headers, answer.body) == (200, whole.headers, b"")


def test_a_lost_ledger_is_said_without_naming_it(plant):
    lost = partial(Ledger.open, "postgresql+psycopg://raypp@/ledger?host=/secret-host")  # no server runs there
    answer = get(plant, "/", ledger=Ledgers([Member("ledger", lost, is_home=True)]))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert b"secret-host" not in answer.body


def test_every_page_leads_to_its_source_and_licence_which_need_no_token(plant):
    for path in ("/", "/sites/plant-1", "/sites/quiet", "/nowhere"):
        answer = get(plant, path)
        assert b'href="/source"' in answer.body
        assert b'href="/licence"' in answer.body
    licence = get(plant, "/licence", who=None)
    assert (licence.status, licence.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert b"GNU AFFERO GENERAL PUBLIC LICENSE" in licence.body
    assert "has not named where its source is" in Page(get(plant, "/source", who=None)).text
    request = PageRequest("GET", "/source")
    named = respond(request, plant.ledger, plant.identities, NOW_US, "https://plant.example/raypp?a=1&b=2")
    assert "https://plant.example/raypp?a=1&b=2" in Page(named).named("href")
