import json

import pytest

from raypp.web.request import PageRequest
from raypp.web.routes import respond
from tests.reports.conftest import NOW_US
from tests.web.pages import Page, basic, get


def test_an_operator_sees_all_sites_and_a_site_its_own(plant):
    assert Page(get(plant, "/")).named("data-site") == ["other", "plant-1", "quiet"]
    assert Page(get(plant, "/", who="plant-1")).named("data-site") == ["plant-1"]
    assert [entry["name"] for entry in json.loads(get(plant, "/api/sites", who="other").body)["sites"]] == ["other"]


@pytest.mark.parametrize("path", ["/sites/other", "/sites/other/episodes", "/sites/other/safety",
                                  "/sites/other/executions", "/sites/other/executions/x", "/api/sites/other/report",
                                  "/api/sites/other/episodes", "/api/sites/other/episodes.csv"])  # fmt: skip
def test_a_site_does_not_see_another(plant, path):
    answer = get(plant, path, who="plant-1")
    assert answer.status == 403
    assert b"door" not in answer.body  # its camera
    assert get(plant, path.replace("other", "no-such-site"), who="plant-1").status == 403
    assert get(plant, path).status == 200


@pytest.mark.parametrize("headers", [
    {}, {"authorization": "Basic"}, {"authorization": "Basic !!!"}, {"authorization": "Basic /w=="},
    {"authorization": "Bearer "}, {"authorization": "Digest x"}, basic(""), basic("rpp_0123456789abcdef_" + "A" * 43),
])  # fmt: skip
def test_without_a_good_token_a_browser_is_asked_for_one(plant, headers):
    for path in ("/", "/sites/plant-1", "/api/sites", "/nowhere"):
        answer = respond(PageRequest("GET", path, "", headers), plant.ledger, plant.identities, NOW_US)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="raypp", charset="UTF-8"'
        assert b"plant-1" not in answer.body


def test_a_bearer_reads_as_the_password_does(plant):
    headers = {"authorization": f"Bearer {plant.tokens['plant-1']}"}
    assert respond(PageRequest("GET", "/api/sites", "", headers), plant.ledger, plant.identities, NOW_US).status == 200


def test_a_revoked_token_reads_no_more(plant):
    token = plant.identities.add_operator("temporary")
    request = PageRequest("GET", "/", "", basic(token))
    assert respond(request, plant.ledger, plant.identities, NOW_US).status == 200
    plant.identities.revoke("temporary", role=type(plant.identities.check(token).role)("operator"))
    assert respond(request, plant.ledger, plant.identities, NOW_US).status == 401


def test_a_token_is_not_in_a_request_shown(plant):
    assert plant.tokens["operator"] not in repr(
        PageRequest("GET", "/", "", {"authorization": plant.tokens["operator"]})
    )
