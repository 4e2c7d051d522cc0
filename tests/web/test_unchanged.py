"""Pages that have not changed are neither made nor sent again; those that have are."""

import pytest

from raypp.errors import LedgerUnavailableError
from raypp.ledger.identity import Identities
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.web.freshness import MadePages
from raypp.web.request import PageRequest, PageResponse
from raypp.web.routes import make, respond
from tests.reports.conftest import CLASSES, SETTINGS
from tests.reports.plants import Day, Seen, moment, record
from tests.web.pages import RANGE, basic

START_US = moment(2026, 3, 2, 13, 50)
LATER_US = moment(2026, 3, 4, 9, 0)
ADDRESSES = (
    ("/sites/plant-1", RANGE),
    ("/sites/plant-1/episodes", RANGE),
    ("/sites/plant-1/safety", RANGE),
    ("/sites/plant-1/executions", RANGE),
    ("/api/sites/plant-1/report", RANGE),
    ("/api/sites/plant-1/episodes.csv", RANGE),
    ("/sites/plant-1", ""),
    ("/", ""),
)


class Viewer:
    """A browser before a service that keeps the pages it made."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.identities, self.made = ledger, Identities(ledger), MadePages()
        self.token, self.other = self.identities.add_operator("boss"), self.identities.add_site("other")
        self.now_us = LATER_US
        self.tags: dict[tuple[str, str], str] = {}
        self.makings = 0

    def ask(self, path: str, query: str = "", token: str = "", tag: str = "") -> PageResponse:
        headers = basic(token or self.token) | ({"if-none-match": tag} if tag else {})

        def maker(*about) -> PageResponse:
            self.makings += 1
            return make(self.ledger, *about)

        request = PageRequest("GET", path, query, headers)
        return respond(request, self.ledger, self.identities, self.now_us, None, self.made, maker)

    def refresh(self, path: str, query: str = "") -> PageResponse:
        answer = self.ask(path, query, tag=self.tags.get((path, query), ""))
        self.tags[path, query] = answer.headers["ETag"]
        return answer


def recorded(ledger: Ledger, at_us: int, uses: list[Seen], *, last: bool) -> None:
    record(ledger, "plant-1", [Day("gate", at_us, 600, uses, last=last)], CLASSES)


@pytest.fixture
def viewer(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=lambda: START_US + 600_000_000) as ledger:
        viewer = Viewer(ledger)
        ledger.add_site("plant-1")
        ledger.configure("plant-1", SETTINGS)
        recorded(ledger, START_US, [Seen("hammer", 60, 120, 0.25)], last=True)
        yield viewer


@pytest.mark.parametrize(("path", "query"), ADDRESSES)
def test_a_page_is_made_and_sent_once_while_nothing_changes(viewer: Viewer, path: str, query: str):
    first = viewer.refresh(path, query)
    assert (first.status, viewer.makings) == (200, 1)
    viewer.now_us += 3_600_000_000
    again = viewer.refresh(path, query)
    assert (again.status, again.body, again.reader.operator) == (304, b"", "boss")
    another = viewer.ask(path, query)
    assert (another.status, another.body, viewer.makings) == (200, first.body, 1)
    assert (
        another.body
        == respond(
            PageRequest("GET", path, query, basic(viewer.token)), viewer.ledger, viewer.identities, viewer.now_us
        ).body
    )


def commit(viewer: Viewer) -> None:
    recorded(viewer.ledger, START_US + 610_000_000, [Seen("hammer", 60, 120, 0.25)], last=False)


def forget_all(viewer: Viewer) -> None:
    assert forget(viewer.ledger, "plant-1").frames


def configure(viewer: Viewer) -> None:
    viewer.ledger.configure("plant-1", SETTINGS.replace("name: Early", "name: First"))


CHANGES = {"commit": commit, "forget": forget_all, "configure": configure}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("path", "query"), ADDRESSES)
def test_what_changes_a_page_has_it_made_anew(viewer: Viewer, path: str, query: str, change: str):
    viewer.refresh(path, query)
    CHANGES[change](viewer)
    fresh = viewer.refresh(path, query)
    assert (fresh.status, viewer.makings) == (200, 2)
    made_anew = make(viewer.ledger, PageRequest("GET", path, query), fresh.reader, viewer.now_us)
    assert fresh.body == made_anew.body


def test_a_camera_that_falls_silent_changes_its_page(viewer: Viewer):
    commit(viewer)  # a live camera that goes on
    viewer.now_us = START_US + 620_000_000
    viewer.refresh("/sites/plant-1", RANGE)
    viewer.now_us += 3_600_000_000
    silent = viewer.refresh("/sites/plant-1", RANGE)
    assert (silent.status, b"silent" in silent.body) == (200, True)


def test_a_day_that_has_begun_since_has_a_link(viewer: Viewer):
    viewer.now_us = moment(2026, 3, 2, 23, 0)
    viewer.refresh("/sites/plant-1", RANGE)
    viewer.now_us = moment(2026, 3, 3, 1, 0)
    assert b"from=2026-03-03" in viewer.refresh("/sites/plant-1", RANGE).body


def test_a_tag_opens_nothing_to_others(viewer: Viewer):
    tag = viewer.refresh("/sites/plant-1", RANGE).headers["ETag"]
    assert viewer.ask("/sites/plant-1", RANGE, viewer.other, tag).status == 403
    assert viewer.ask("/sites/plant-1", RANGE, "nobody", tag).status == 401
    first = viewer.refresh("/")
    assert viewer.ask("/", "", viewer.other, first.headers["ETag"]).status == 200


def test_a_problem_has_no_tag_and_is_not_kept(viewer: Viewer):
    for _ in range(2):
        answer = viewer.ask("/sites/plant-1", "from=noon")
        assert (answer.status, "ETag" in answer.headers) == (400, False)
    assert viewer.makings == 2


def test_a_ledger_that_is_lost_is_said_also_where_a_page_is_kept(viewer: Viewer, monkeypatch: pytest.MonkeyPatch):
    viewer.refresh("/sites/plant-1", RANGE)

    def lost(*_: object) -> None:
        raise LedgerUnavailableError("it cannot be reached")

    monkeypatch.setattr(Ledger, "version", lost)
    monkeypatch.setattr(Ledger, "present_settings", lost)
    assert viewer.ask("/sites/plant-1", RANGE).status == 503


def test_kept_pages_take_a_bounded_room_and_the_oldest_go_first():
    kept = MadePages(100)
    pages = {name: PageResponse(200, {}, name.encode() * 40) for name in "abcd"}
    for name in "ab":
        kept.keep(name, pages[name])
    assert kept.get("a") == pages["a"]
    kept.keep("c", pages["c"])
    assert [kept.get(name) for name in "abc"] == [pages["a"], None, pages["c"]]
    kept.keep("d", PageResponse(200, {}, b"d" * 101))
    assert kept.get("d") is None
