"""One ledger of several that hangs, is broken or comes back: whoever asks it, or others, is not held up."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raypp.errors import LedgerBusyError, LedgerError, LedgerUnavailableError
from raypp.ledger import member as of_member
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.listing import site_listing
from raypp.ledger.member import Member
from raypp.ledger.schema import VERSION_TABLE
from raypp.ledger.store import Ledger
from tests.ledger.postgres import PostgresServer

_NEWER = f"UPDATE {VERSION_TABLE} SET version_num = '9999'"  # noqa: S608 - a name of ours


@pytest.fixture
def ledgers(postgres: PostgresServer, tmp_path: Path) -> Iterator[Ledgers]:
    """A file, and a server; each with a site of its name."""
    url = postgres.database()
    with Ledgers.open(LedgerList({"file": f"sqlite:///{tmp_path}/file.db", "server": url})) as opened:
        for name in opened.members:
            Identities(opened).add_site(name, into=name)
        yield opened
    postgres.drop(url)


def test_a_server_that_stands_still_holds_nobody_for_longer_than_said(
    ledgers: Ledgers, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_member, "_SLOW_S", 0.5)
    monkeypatch.setattr(of_member, "_AGAIN_S", 0.2)
    server = ledgers.named("server")
    with postgres.frozen(), ThreadPoolExecutor(12) as pool:
        began = time.monotonic()
        waits = [pool.submit(server.ask, _sites, takes_long=number % 2 == 0) for number in range(12)]
        for wait in waits:
            with pytest.raises(LedgerUnavailableError, match="ledger server does not answer just now"):
                wait.result(60)
        assert time.monotonic() - began < 20
        listed = ledgers.site_list()
        assert ([site.name for site in listed.sites], listed.silent) == (["file"], ("server",))
        assert ledgers.of("file").sites()[0].name == "file"
    for thread in threading.enumerate():
        if thread.name == "asking-server":
            thread.join(60)
    time.sleep(0.2)  # as long as nobody asks it
    assert server.ask(_sites) == ["server"]
    assert ledgers.site_list().silent == ()


def test_a_question_that_takes_long_is_waited_for_while_others_are_answered(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_member, "_SLOW_S", 0.2)
    server = ledgers.named("server")
    assert server.ask(lambda _: time.sleep(1.5) or "done", takes_long=True) == "done"
    with pytest.raises(TimeoutError, match="its own"):
        server.ask(_timed_out)


def test_a_broken_ledger_is_passed_over_and_said_once_and_used_once_it_is_mended(
    ledgers: Ledgers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(of_member, "_AGAIN_S", 0.0)
    caplog.set_level(logging.WARNING)
    urls = {"broken": f"sqlite:///{tmp_path}/broken.db", "file": f"sqlite:///{tmp_path}/file.db"}
    (tmp_path / "broken.db").write_bytes(b"this is no database at all" * 100)
    with Ledgers.open(LedgerList(urls)) as some:
        for _ in range(5):
            with pytest.raises(LedgerUnavailableError, match=r"ledger broken cannot be used: .*broken\.db"):
                some.named("broken").ask(Member.ledger)
        assert some.of("file").sites()[0].name == "file"
        assert site_listing(some).silent == ("broken",)
        with pytest.raises(LedgerUnavailableError):
            some.place("new")
        (line,) = [record.getMessage() for record in caplog.records if "broken" in record.getMessage()]
        assert line.startswith("raypp: ledger broken is passed over: ledger sqlite:///")
        (tmp_path / "broken.db").unlink()
        with pytest.raises(LedgerUnavailableError, match="there is no ledger"):
            some.named("broken").ask(Member.ledger)
        assert not (tmp_path / "broken.db").exists(), "its operator is about to put it back"
        with Ledgers.open(LedgerList.parse(f"sqlite:///{tmp_path}/good.db")) as good:
            token = Identities(good).add_site("plant-1")
        with pytest.raises(LedgerUnavailableError):
            Identities(some).check(token)
        (tmp_path / "good.db").rename(tmp_path / "broken.db")
        assert Identities(some).check(token).site == "plant-1"
        assert some.site_list().silent == ()
    with ledgers.named("file").ledger().database.write() as connection:
        connection.exec_driver_sql(_NEWER)
    with Ledgers.open(LedgerList(urls)) as some:
        assert some.site_list().silent == ("file",)
    with pytest.raises(LedgerError, match="of a newer raypp"):
        Ledgers.open(LedgerList({"file": urls["file"]}))
    (tmp_path / "broken.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LedgerError, match="ledger broken cannot be used"):
        Ledgers.open(LedgerList(urls))


def test_a_file_that_is_moved_away_is_not_made_anew_and_is_used_again_once_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_member, "_AGAIN_S", 0.0)
    place, backup = tmp_path / "file.db", tmp_path / "backup.db"
    urls = {name: f"sqlite:///{tmp_path}/{name}.db" for name in ("file", "backup", "other")}
    tokens = {}
    for name in ("file", "backup"):
        with Ledgers.open(LedgerList.parse(urls[name])) as alone:
            tokens[name] = Identities(alone).add_site(f"plant-{name}")
    with Ledgers.open(LedgerList({name: urls[name] for name in ("file", "other")})) as some:
        assert Identities(some).check(tokens["file"]).site == "plant-file"
        _rename(place, tmp_path / "away.db")
        for token in tokens.values():
            with pytest.raises(LedgerUnavailableError, match="is not there just now; put its file back"):
                Identities(some).check(token)
        assert not place.exists()
        _rename(backup, place)
        assert Identities(some).check(tokens["backup"]).site == "plant-backup"
        _rename(place, backup)
        place.write_bytes(b"")
        for _ in range(2):
            with pytest.raises(LedgerUnavailableError):
                Identities(some).check(tokens["file"])
        _rename(place, tmp_path / "empty.db")
        _rename(tmp_path / "away.db", place)
        assert Identities(some).check(tokens["file"]).site == "plant-file"


def test_a_database_made_anew_for_a_restore_gets_no_schema(
    ledgers: Ledgers, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_member, "_AGAIN_S", 0.0)
    with ledgers.named("server").ledger().database.write() as connection:
        connection.exec_driver_sql(_NEWER)
    url = ledgers.named("server").ledger().database.engine.url.render_as_string(hide_password=False)
    with Ledgers.open(LedgerList({"file": f"sqlite:///{tmp_path}/file.db", "server": url})) as some:
        ledgers.named("server").close()
        with ledgers.named("server").ledger().database.write() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        for _ in range(2):
            with pytest.raises(LedgerUnavailableError, match="is empty"):
                some.named("server").ask(_sites)


def test_a_statement_that_takes_too_long_is_one_question_s_matter(ledgers: Ledgers):
    def sleep(member: Member) -> None:
        with member.ledger().database.read() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 50")
            connection.exec_driver_sql("SELECT pg_sleep(5)")

    server = ledgers.named("server")
    with pytest.raises(LedgerBusyError, match="is busy"):
        server.ask(sleep, takes_long=True)
    assert server.ask(_sites) == ["server"]


def test_a_long_question_outlives_others_that_hold_the_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(of_member, "_SLOW_S", 1.0)
    monkeypatch.setattr(of_member, "_TURN_S", 0.01)
    urls = {name: f"sqlite:///{tmp_path}/{name}.db" for name in ("file", "other")}
    with Ledgers.open(LedgerList(urls)) as some, ThreadPoolExecutor(1) as pool:
        file, done = some.named("file"), threading.Event()
        long = pool.submit(file.ask, lambda _: done.wait(60), takes_long=True)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            file.ask(lambda _: time.sleep(0.5))
        assert not long.done()
        done.set()
        assert long.result(60)
        assert file.ask(_sites) == []


def test_who_has_a_ledger_waits_for_nobody_who_opens_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(of_member, "_AGAIN_S", 0.0)
    url, opening, go_on = f"sqlite:///{tmp_path}/file.db", threading.Event(), threading.Event()

    def open_again() -> Ledger:
        opening.set()
        go_on.wait(60)
        return Ledger.open(url)

    def break_it(member: Member) -> None:
        with member.ledger().database.read() as connection:
            connection.exec_driver_sql("SELECT 1 FROM no_table")

    broken = Ledger.open(url)
    member = Member("file", lambda: broken, is_home=True, open_again=open_again)
    member.open()
    with pytest.raises(LedgerUnavailableError, match="no such table"):
        member.ask(break_it)
    with ThreadPoolExecutor(2) as pool:
        mending = pool.submit(member.ask, Member.ledger)
        try:
            assert opening.wait(60)
            assert pool.submit(member.ledger).result(10) is broken
        finally:
            go_on.set()
        assert mending.result(60) is not broken
    member.close()


def _rename(place: Path, to: Path) -> None:
    """Move a ledger's file, and its log."""
    for end in ("", "-wal", "-shm"):
        if (file := place.with_name(place.name + end)).exists():
            file.rename(to.with_name(to.name + end))


def _sites(member: Member) -> list[str]:
    return [site.name for site in member.ledger().sites()]


def _timed_out(_: Member) -> None:
    raise TimeoutError("its own")
