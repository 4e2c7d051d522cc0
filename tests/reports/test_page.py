import base64
import json
import re
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from sqlalchemy import event

from raypp.errors import LedgerError, LedgerUnavailableError, SettingsError
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.web.page import respond
from raypp.web.request import PageRequest
from raypp.web.sites_view import PAGE_SITES
from tests.reports.conftest import NOW_US, ODD

RANGE = "from=2026-03-02T13:50&to=2026-03-02T14:10"


def basic(token, user="anyone"):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def get(plant, path, query="", who="operator", method="GET", ledger=None):
    headers = basic(plant.tokens[who]) if who else {}
    return respond(PageRequest(method, path, query, headers), ledger or plant.ledger, plant.identities, NOW_US)


class Page(HTMLParser):
    """What a page is made of, as a browser reads it."""

    def __init__(self, answer):
        super().__init__()
        assert answer.status == 200, answer.body
        self.elements, self.text = [], ""
        self.feed(answer.body.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def named(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def test_an_operator_sees_all_sites_and_a_site_its_own(plant):
    assert Page(get(plant, "/")).named("data-site") == ["other", "plant-1", "quiet"]
    assert Page(get(plant, "/", who="plant-1")).named("data-site") == ["plant-1"]
    assert [one["name"] for one in json.loads(get(plant, "/api/sites", who="other").body)["sites"]] == ["other"]


@pytest.mark.parametrize("path", ["/sites/other", "/sites/other/episodes", "/api/sites/other/report",
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


def test_lanes_show_each_tool_at_each_station_with_its_uses(plant):
    page = Page(get(plant, "/sites/plant-1", RANGE))
    lanes = [
        (one["data-tool"], one["data-station"], one["data-uses"]) for _, one in page.elements if "data-tool" in one
    ]
    assert lanes == [("hammer", ODD, "1"), ("hammer", "left", "2"), ("saw", "left", "2")]
    assert "3 min 30 s" in page.text  # hammer: 60 + 30 + 120 seconds
    assert "75 %" in page.text  # the helmet
    assert "camera covered" in page.text
    assert "no frames came" in page.text


def test_names_are_shown_and_never_run(plant):
    for path in ("/sites/plant-1", "/sites/plant-1/episodes"):
        answer = get(plant, path, RANGE)
        page = Page(answer)
        assert ODD in page.text
        assert b"<script>alert" not in answer.body
        assert sum(tag == "script" for tag, _ in page.elements) == 1


@pytest.mark.parametrize("path", [f"/sites/{ODD}", f"/{ODD}", "/sites/plant-1/\"'><img src=x>"])
def test_what_an_address_holds_is_never_run(plant, path):
    answer = get(plant, path, f"from={quote(ODD)}")
    assert answer.status == 404
    assert b"<script>alert" not in answer.body
    assert b"<img" not in answer.body


def test_a_browser_may_run_only_our_script_and_load_nothing_from_elsewhere(plant):
    for path in ("/", "/sites/plant-1", "/nowhere", "/api/sites"):
        headers = get(plant, path).headers
        policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["connect-src"] == "'self'"
        assert all(policy[name].startswith("'sha256-") for name in ("script-src", "style-src"))
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    page = Page(get(plant, "/sites/plant-1", RANGE))
    assert all(one.startswith(("/", "?", "#")) for one in page.named("href") + page.named("src") + page.named("action"))
    assert not page.named("style")
    assert not [name for _, one in page.elements for name in one if name.startswith("on")]


def test_the_report_has_exact_figures(plant):
    report = json.loads(get(plant, "/api/sites/plant-1/report", RANGE).body)
    tools = {one["name"]: one for one in report["tools"]}
    assert tools["hammer"]["states"] == {"used_s": 210.0, "not_used_s": 812.5, "not_observed_s": 177.5}
    assert tools["hammer"]["episodes"] == 3
    assert (tools["hammer"]["durations"]["p50_s"], tools["hammer"]["durations"]["max_s"]) == (60.0, 120.0)
    assert report["coverage"][0]["reasons_s"] == {"covered": 120.0, "no frames": 57.5}
    assert [(one["name"], one["coverage"][0]["not_observed_s"]) for one in report["shifts"]] == [
        ("Early", 120.0),
        ("Late", 57.5),
    ]


def test_a_camera_is_observed_and_never_used_or_not_used(plant):
    page = get(plant, "/sites/plant-1", RANGE).body.decode()
    coverage = page[page.index('id="coverage"') :]
    heads = [re.sub("<[^>]+>", "", head) for head in re.findall(r"<th[^>]*>.*?</th>", coverage)[:6]]
    assert heads == ["Where", "Share", "Used", "Not used", "Observed", "Not observed"]
    rows = [re.findall(r'<td class="n">(.*?)</td>', row) for row in coverage.split("<tr>") if ">camera </span>" in row]
    assert rows
    for used, idle, observed, unseen in rows:
        assert (used, idle) == ("", "")
        assert observed
        assert unseen


def test_without_a_range_the_latest_day_is_shown_and_silence_counts_up_to_now(plant):
    report = json.loads(get(plant, "/api/sites/plant-1/report").body)
    assert report["start"] == "2026-03-02T13:50:00+01:00"
    assert report["to_us"] == NOW_US  # the camera has not ended its stream
    ended = json.loads(get(plant, "/api/sites/other/report").body)
    assert ended["start"] == "2026-03-01T08:00:00+00:00"
    assert (ended["to_us"] - ended["from_us"]) / 1e6 == pytest.approx(60, abs=1)


def test_a_day_ends_at_the_present(plant):
    report = json.loads(get(plant, "/api/sites/plant-1/report", "from=today").body)
    assert report["start"] == "2026-03-02T00:00:00+01:00"
    assert report["to_us"] == NOW_US


def test_episodes_come_in_pages_each_once(plant):
    found, token = [], ""
    for _ in range(10):
        answer = json.loads(get(plant, "/api/sites/plant-1/episodes", f"limit=2&page={token}").body)
        assert len(answer["episodes"]) <= 2
        found += answer["episodes"]
        token = answer["next_page"]
        if token is None:
            break
    whole = json.loads(get(plant, "/api/sites/plant-1/episodes", "limit=1000").body)
    assert found == whole["episodes"]
    assert len({one["episode_id"] for one in found}) == len(found) == 7  # five uses, a helmet and its wearer
    assert found[0].keys() >= {"tool", "station", "camera", "start", "end", "duration_s", "seen_s", "state", "reason"}


def test_episodes_of_one_tool_in_a_range(plant):
    query = "tool=hammer&from=2026-03-02T14:00&to=2026-03-02T14:10"
    (one,) = json.loads(get(plant, "/api/sites/plant-1/episodes", query).body)["episodes"]
    assert (one["start"], one["duration_s"]) == ("2026-03-02T13:59:30+01:00", 120.0)


def test_uses_are_listed_newest_first_and_safety_equipment_is_no_use(plant):
    page = Page(get(plant, "/sites/plant-1/episodes", RANGE))
    listed = page.named("data-episode")
    answer = json.loads(get(plant, "/api/sites/plant-1/episodes").body)["episodes"]
    uses = [one["episode_id"] for one in answer if one["tool"] in {"hammer", "saw"}]
    assert listed == uses[::-1]
    assert "in use now" in page.text


def test_csv_holds_every_episode(plant):
    answer = get(plant, "/api/sites/plant-1/episodes.csv", RANGE)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="plant-1-episodes.csv"'
    assert len(answer.body.decode().split("\r\n")) == 1 + 7 + 1


def test_a_site_without_frames_and_a_day_without_any_say_so(plant):
    assert "No frames yet" in Page(get(plant, "/sites/quiet")).text
    assert "coverage 0 %" in Page(get(plant, "/sites/plant-1", "from=2026-02-01")).text
    assert "No uses" in Page(get(plant, "/sites/quiet/episodes")).text
    report = json.loads(get(plant, "/api/sites/plant-1/report", "from=2026-02-01").body)
    assert report["coverage"][0]["observed_share"] == 0


def test_a_range_in_the_future_is_empty_and_no_error(plant):
    assert "Nothing was recorded" in Page(get(plant, "/sites/plant-1", "from=2030-01-01")).text


@pytest.mark.parametrize(("path", "query", "words"), [
    ("/sites/plant-1", "from=noon", "--from 'noon' is no time"),
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
    assert words in answer.body.decode().replace("&#x27;", "'")


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
    class Lost:
        def sites(self):
            raise LedgerUnavailableError("ledger postgresql://secret-host/ledger cannot be reached")

    answer = get(plant, "/", ledger=Lost())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert b"secret-host" not in answer.body


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
    assert [len(one.named("data-site")) for one in pages] == [PAGE_SITES, 1, 1]
    assert pages[1].named("data-site") == [f"site-{PAGE_SITES:03}"]
    assert "/?page=2" in pages[0].named("href")
    assert len(json.loads(state.body)["sites"]) == PAGE_SITES + 1


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


def test_a_site_that_cannot_be_read_does_not_take_the_others_with_it(plant):
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
        answer = get(plant, "/", ledger=OneBad(error))
        page = Page(answer)
        assert page.named("data-site") == ["other", "plant-1", "quiet"]
        assert words in page.text
        assert "5 uses" in page.text  # of plant-1
        assert b"secret-host" not in answer.body
        sites = json.loads(get(plant, "/api/sites", ledger=OneBad(error)).body)["sites"]
        assert [one.get("state") for one in sites] == [None, "silent", "no frames yet"]
        assert words in sites[0]["error"]
    assert get(plant, "/sites/other", ledger=OneBad(OverflowError("date"))).status == 500


def test_a_page_reads_the_streams_once_and_not_what_their_folds_remember(plant):
    found = []

    def note(_connection, _cursor, statement, *_):
        if "FROM streams JOIN models" in statement:
            found.append(statement)

    event.listen(plant.ledger.database.engine, "before_cursor_execute", note)
    try:
        get(plant, "/sites/plant-1")
    finally:
        event.remove(plant.ledger.database.engine, "before_cursor_execute", note)
    (statement,) = found
    assert "streams.state" not in statement
    assert "streams.newest_us" in statement


@pytest.mark.parametrize(("path", "why"), [("/", "no camera saw"), (f"/sites/plant-1?{RANGE}", "camera covered")])
def test_time_not_observed_is_hatched_once_on_a_ground_of_its_own(plant, path, why):
    page = Page(get(plant, *path.split("?")))
    rects = [attributes for tag, attributes in page.elements if tag == "rect"]
    places = [(one.get("class"), one.get("x"), one.get("width")) for one in rects]
    hatched = [index for index, (kind, *_) in enumerate(places) if kind == "gap"]
    assert hatched
    for index in hatched:
        assert places[index - 1] == ("ground", *places[index][1:])
    assert len(hatched) == sum(kind == "ground" for kind, *_ in places)
    assert f"not observed: {why}" in page.text
    assert "no frames came" not in page.text or path != "/"
    assert ".ground{fill:var(--card)}" in page.text
