from importlib.resources import files
from urllib.parse import quote

import pytest
from jinja2 import nodes

from raypp.web import request
from raypp.web.render import render
from raypp.web.request import PageRequest
from raypp.web.routes import respond
from raypp.web.templating import environment
from tests.reports.conftest import ODD
from tests.web import yards
from tests.web.benches import DAY
from tests.web.devices import note_device
from tests.web.escaping import NASTY, shape, with_names
from tests.web.pages import RANGE, Page, basic, get

DAYS = "from=2026-03-02&to=2026-03-04"


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
    assert all(
        address.startswith(("/", "?", "#")) for address in page.named("href") + page.named("src") + page.named("action")
    )
    assert not page.named("style")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


@pytest.fixture
def rendered(plant, yard, bench, monkeypatch):
    """The value of every kind of page of a plant."""
    pages = []

    def note(page):
        pages.append(page)
        return render(page)

    monkeypatch.setattr(request, "render", note)
    for path in ("/", "/sites/plant-1", "/sites/quiet", "/sites/plant-1/episodes", "/sites/quiet/episodes", "/source"):
        assert get(plant, path, RANGE if "plant-1" in path else "").status == 200
    note_device(yard.ledger, "yard")
    listed = PageRequest("GET", "/devices", "", basic(yard.tokens["operator"]))
    assert respond(listed, yard.ledger, yard.identities, yards.NOW_US).status == 200
    assert get(plant, "/nowhere").status == 404
    wanted = PageRequest("GET", "/sites/yard/safety", f"{DAYS}&zone=track", basic(yard.tokens["operator"]))
    assert respond(wanted, yard.ledger, yard.identities, yards.NOW_US).status == 200
    bench.get("/sites/plant/executions", f"{DAY}&procedure=pump+housing")
    bench.get(f"/sites/plant/executions/{bench.report().executions[2].execution_id}", DAY)
    return pages


def test_no_text_of_any_page_can_become_markup(rendered):
    for page in rendered:
        text = render(with_names(page, NASTY))
        assert shape(text) == shape(render(with_names(page, "plain")))
        assert "\u202e" not in text
        shown = Page(text)
        assert NASTY[:-1] in shown.text
        assert sum(tag == "script" for tag, _ in shown.elements) == page.refreshes
    whole = {name for name in template_names() if "{% extends" in source(name)}
    assert {page.template for page in rendered} == whole


def template_names():
    return [f"raypp.web/{file.name}" for file in (files("raypp.web") / "templates").iterdir()]


def source(name):
    return (files("raypp.web") / "templates" / name.partition("/")[2]).read_text()


def test_no_template_leaves_text_unescaped_or_holds_a_style_or_a_handler_of_its_own():
    jinja = environment("raypp.web")
    assert len(template_names()) >= 9
    for name in template_names():
        tree = jinja.parse(jinja.preprocess(source(name)))
        assert not {"safe", "forceescape", "xmlattr"} & {node.name for node in tree.find_all(nodes.Filter)}, name
        assert not list(tree.find_all(nodes.EvalContextModifier)), name  # {% autoescape false %}
        ours = {node.name for node in tree.find_all(nodes.Name)} & {"style", "script"}
        assert ours == ({"style", "script"} if name == "raypp.web/base.html" else set())
        assert " style=" not in source(name)
