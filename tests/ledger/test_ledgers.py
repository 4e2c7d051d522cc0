"""Several ledgers as one: each site in the one that has its row, whatever moves, and whichever does not answer."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import update

from raypp.errors import LedgerError, LedgerUnavailableError, OptionError, UnauthenticatedError, UnknownSiteError
from raypp.ledger.check.ledgers import check_ledgers
from raypp.ledger.identity import Identities, Role
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledger_map import ledger_map, source_of_move
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.listing import site_listing
from raypp.ledger.member import Member
from raypp.ledger.site_copy import SiteCopy
from raypp.ledger.site_move import SiteMove
from raypp.ledger.store import Ledger
from raypp.ledger.tables import TokenRow
from tests.ledger.moved import HALF, PARTS
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import STREAM, Clock, Connection, content, undisturbed

_DOWN = "postgresql+psycopg://raypp@/ledger?host=/nonexistent"
"""A server that does not run."""


@pytest.fixture
def urls(postgres: PostgresServer, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Two ledgers, one of each kind."""
    south = postgres.database()
    yield {"north": f"sqlite:///{tmp_path}/north.db", "south": south}
    postgres.drop(south)


@pytest.fixture
def ledgers(urls: dict[str, str]) -> Iterator[Ledgers]:
    with Ledgers.open(LedgerList(urls), clock=Clock()) as opened:
        yield opened


def _sqlite(folder: Path, *names: str) -> dict[str, str]:
    return {name: f"sqlite:///{folder}/{name}.db" for name in names}


def _owner(ledgers: Ledgers, site: str) -> str:
    return ledgers.member_of(site).name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"north": "sqlite:///a.db", "south": "sqlite:///a.db"}', "north and south are the same ledger"),
        ('{"north/1": "sqlite:///a.db"}', "name 'north/1': use letters"),
        ('{"north": "ledger.db"}', "north needs a URL"),
        ("{}", "must map names to URLs"),
        ("{north}", "no JSON object"),
        ("nowhere.yaml", "settings nowhere.yaml cannot be read"),
    ],
)
def test_a_list_of_ledgers_that_cannot_be_is_refused_by_name(text: str, words: str):
    with pytest.raises(OptionError, match=words):
        LedgerList.parse(text)


def test_a_list_is_read_from_a_url_a_settings_file_and_what_it_writes_itself(tmp_path: Path):
    several = {"south": "sqlite:///b.db", "north": "postgresql+psycopg://raypp:secret@db/ledger"}
    file = tmp_path / "serve.yaml"
    file.write_text(
        "models: [tools.model]\nledgers:\n" + "".join(f"  {name}: {url}\n" for name, url in several.items())
    )
    assert list(LedgerList.parse(str(file)).urls.items()) == list(several.items())
    assert LedgerList.parse(LedgerList(several).text()).urls == several
    assert LedgerList.parse(LedgerList.parse("sqlite:///a.db").text()).urls == {"ledger": "sqlite:///a.db"}
    assert "secret" not in repr(LedgerList(several))


def test_a_new_ledger_takes_sites_of_its_own_and_changes_no_other_site_s_place(tmp_path: Path):
    sites = [f"plant-{number}" for number in range(120)]
    before, after = {}, {}
    with Ledgers.open(LedgerList(_sqlite(tmp_path, "a", "b", "c"))) as three:
        for site in sites:
            place = three.place(site)
            before[site] = next(name for name, ledger in three.opened() if ledger is place)
    with Ledgers.open(LedgerList(_sqlite(tmp_path, "b", "d", "c", "a"))) as four:
        for site in sites:
            place = four.place(site)
            after[site] = next(name for name, ledger in four.opened() if ledger is place)
    assert {after[site] for site in sites if after[site] != before[site]} == {"d"}
    assert all(list(before.values()).count(name) >= 20 for name in "abc")
    assert list(after.values()).count("d") >= 15


def test_a_site_is_where_its_row_is_and_not_where_its_name_would_be_placed(ledgers: Ledgers):
    identities = Identities(ledgers)
    tokens = {site: identities.add_site(site, into=into) for site, into in (("plant-1", "north"), ("plant-2", "south"))}
    assert {site: _owner(ledgers, site) for site in tokens} == {"plant-1": "north", "plant-2": "south"}
    assert {site: identities.check(token).site for site, token in tokens.items()} == {site: site for site in tokens}
    with pytest.raises(OptionError, match=r"plant-1 is in ledger north; `raypp ledger move plant-1 --to south`"):
        identities.add_site("plant-1", into="south")
    with pytest.raises(OptionError, match="no ledger is named 'west'; there are north, south"):
        identities.add_site("plant-3", into="west")
    with pytest.raises(UnknownSiteError, match="'plant-3' is not registered"):
        ledgers.of("plant-3")
    listing = site_listing(ledgers)
    assert [(site.site, site.ledger, len(site.tokens)) for site in listing.sites] == [
        ("plant-1", "north", 1),
        ("plant-2", "south", 1),
    ]
    assert identities.revoke("plant-2") == 1
    with pytest.raises(UnauthenticatedError):
        Identities(ledgers).check(tokens["plant-2"])


@pytest.mark.parametrize(("source", "target"), [("north", "south"), ("south", "north")])
def test_at_each_step_of_a_move_the_site_is_in_the_one_ledger_that_takes_its_chunks(
    ledgers: Ledgers, source: str, target: str
):
    token = Identities(ledgers).add_site("plant-1", into=source)
    Connection(ledgers.of("plant-1")).send_all(PARTS[:HALF])
    there = ledgers.named(target).ledger()

    def move() -> SiteMove:
        return SiteMove(source_of_move(ledgers, "plant-1", there), there, "plant-1")

    steps = move()
    owners = [_owner(ledgers, "plant-1")]
    steps._begin()
    owners.append(_owner(ledgers, "plant-1"))
    steps._stop_streams()
    owners.append(_owner(ledgers, "plant-1"))
    with pytest.raises(LedgerUnavailableError, match="being moved"):
        Connection(ledgers.of("plant-1"))
    steps = move()  # the command was killed, and runs again
    steps._begin()
    steps._arrive(SiteCopy(steps._source.database, there.database, "plant-1", steps._fence_target))
    owners.append(_owner(ledgers, "plant-1"))
    assert [place.ledger for place in ledger_map(ledgers).sites] == [target]
    connection = Connection(ledgers.of("plant-1"))
    for number in range(HALF + 1, len(PARTS) + 1):
        connection.send(number, PARTS[number - 1], last=number == len(PARTS))
    steps = move()
    steps._begin()
    steps._leave()
    owners.append(_owner(ledgers, "plant-1"))
    assert owners == [source, source, source, target, target]
    move().run()
    assert content(ledgers.of("plant-1")).frames == undisturbed(PARTS).frames
    assert check_ledgers(ledgers).problems == ()
    assert Identities(ledgers).check(token).site == "plant-1"
    move().run()  # again: there is nothing left to do
    with pytest.raises(OptionError, match="is the one that has site plant-2"):
        ledgers.place("plant-2", target).add_site("plant-2")
        source_of_move(ledgers, "plant-2", there)


def test_a_token_that_was_revoked_after_a_move_is_refused_although_the_old_ledger_has_a_good_one(ledgers: Ledgers):
    stolen = Identities(ledgers).add_site("plant-1", into="north")
    SiteMove(ledgers.named("north").ledger(), ledgers.named("south").ledger(), "plant-1").run()
    identities = Identities(ledgers)
    assert identities.check(stolen).site == "plant-1"
    assert identities.good(Role.SITE, "plant-1") == 1
    assert len([token for token in identities.list() if token.site == "plant-1"]) == 1
    identities.revoke("plant-1")
    with pytest.raises(UnauthenticatedError):
        Identities(ledgers).check(stolen)
    assert Identities(ledgers.named("north").ledger()).check(stolen).site == "plant-1"  # whoever uses it alone


def test_operators_have_one_home_and_no_other_ledger_s_operators_may_read(ledgers: Ledgers):
    token = Identities(ledgers).add_operator("anna")
    foreign = Identities(ledgers.named("south").ledger()).add_operator("mallory")
    assert Identities(ledgers).check(token).operator == "anna"
    with pytest.raises(UnauthenticatedError):
        Identities(ledgers).check(foreign)
    assert [each.operator for each in Identities(ledgers).list()] == ["anna"]


def test_while_a_ledger_is_down_its_sites_wait_and_all_others_go_on(tmp_path: Path):
    two = _sqlite(tmp_path, "north", "south")
    with Ledgers.open(LedgerList(two)) as both:
        identities = Identities(both)
        here, there = (identities.add_site(site, into=into) for site, into in (("a", "north"), ("b", "south")))
        boss = identities.add_operator("boss")
    with Ledgers.open(LedgerList(two | {"south": _DOWN})) as some:
        identities = Identities(some)
        Connection(some.of("a"), replace(STREAM, site="a")).send_all(PARTS[:2])
        assert (identities.check(here).site, identities.check(boss).operator) == ("a", "boss")
        for token in (there, "rpp_0123456789abcdef_" + "A" * 43):  # it may be good: nobody knows just now
            with pytest.raises(LedgerUnavailableError, match=r"ledger .*; try again"):
                identities.check(token)
        with pytest.raises(LedgerUnavailableError):
            some.of("b")
        with pytest.raises(LedgerUnavailableError):
            some.place("new")  # it may be there already
        listed = some.site_list()
        assert ([site.name for site in listed.sites], listed.silent) == (["a"], ("south",))
        assert site_listing(some).silent == ("south",)
        assert [(use.name, use.sites) for use in ledger_map(some).ledgers] == [("north", 1), ("south", None)]
    with pytest.raises(LedgerUnavailableError):
        Ledgers.open(LedgerList({"south": _DOWN}))
    with Ledgers.open(LedgerList({"down": _DOWN} | two)) as headless:  # the home of operators
        assert Identities(headless).check(here).site == "a"
        with pytest.raises(LedgerUnavailableError):
            Identities(headless).check(boss)


def test_a_site_that_two_ledgers_have_is_served_from_neither_and_told_by_name(tmp_path: Path):
    with Ledgers.open(LedgerList(_sqlite(tmp_path, "north", "south"))) as ledgers:
        for _, ledger in ledgers.opened():
            ledger.add_site("plant-1")
        ledgers.place("plant-2").add_site("plant-2")
        for _ in range(2):
            with pytest.raises(LedgerError, match="plant-1 is in ledgers north and south"):
                ledgers.of("plant-1")
            assert ledgers.site_list().twice == ("plant-1",)
        ledgers.of("plant-2")
        assert check_ledgers(ledgers).problems == ("site plant-1 is in two ledgers, and is served from neither",)


def test_a_token_of_a_site_that_another_ledger_has_as_well_is_good_for_neither(tmp_path: Path):
    with Ledgers.open(LedgerList(_sqlite(tmp_path, "north", "south"))) as ledgers:
        ledgers.place("plant-1", into="north").add_site("plant-1")
        good = Identities(ledgers).add_site("plant-1")
        assert Identities(ledgers).check(good).site == "plant-1"
        assert ledgers.of("plant-1") is ledgers.named("north").ledger(), "and a hint says so from now on"
        south = ledgers.named("south").ledger()
        south.add_site("plant-1")
        stranger = Identities(south).add_site("plant-1")
        identities = Identities(ledgers)
        for token in (stranger, good):
            with pytest.raises(LedgerError, match="plant-1 is in ledgers north and south; move it out of one of them"):
                identities.check(token)


def test_an_operator_s_token_that_names_a_site_counts_nowhere(tmp_path: Path):
    with Ledgers.open(LedgerList(_sqlite(tmp_path, "north", "south"))) as ledgers:
        south = ledgers.named("south").ledger()
        south.add_site("plant-1")
        token = Identities(south).add_operator("anna")
        with south.database.write() as connection:
            connection.execute(update(TokenRow).values(site="plant-1"))
        with pytest.raises(UnauthenticatedError):
            Identities(ledgers).check(token)


def test_a_ledger_that_hangs_holds_one_asker_and_no_more(tmp_path: Path):
    waiting, answer = Event(), Event()
    with Ledgers.open(LedgerList(_sqlite(tmp_path, "north", "south"))) as ledgers, ThreadPoolExecutor(1) as pool:
        hung = ledgers.named("south")
        first = pool.submit(hung.ask, lambda _: (waiting.set(), answer.wait(60)))
        assert waiting.wait(60)
        began = time.monotonic()
        with pytest.raises(LedgerUnavailableError, match="ledger south does not answer just now; try again"):
            hung.ask(Member.ledger)
        assert time.monotonic() - began < 5
        assert ledgers.named("north").ask(Member.ledger)
        answer.set()
        first.result(60)
        assert hung.ask(Member.ledger)


def test_the_home_of_operators_has_a_name_where_others_sort_the_ledgers(tmp_path: Path):
    two = _sqlite(tmp_path, "north", "south")
    assert list(LedgerList.of(two, "ledgers", "south").urls) == ["south", "north"]
    with pytest.raises(OptionError, match="none is named 'east', as home_ledger; name one of north, south"):
        LedgerList.of(two, "ledgers", "east")
    file = tmp_path / "serve.yaml"
    file.write_text("home_ledger: south\nledgers: {north: sqlite:///a.db, south: sqlite:///b.db}\n")
    assert list(LedgerList.parse(str(file)).urls) == ["south", "north"]


def test_one_ledger_alone_is_used_as_it_is(ledger: Ledger):
    alone = Ledgers.around(ledger)
    assert alone.of("plant-1") is ledger
    assert alone.of("nowhere") is ledger  # it says itself that it has none
    assert [site.name for site in alone.site_list().sites] == ["plant-1"]
