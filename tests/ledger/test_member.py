"""One ledger of several that hangs, is broken or comes back: whoever asks it, or others, is not held up."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raypp.errors import LedgerError, LedgerUnavailableError
from raypp.ledger import member as of_member
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.listing import site_listing
from raypp.ledger.member import Member
from raypp.ledger.schema import VERSION_TABLE
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
        some.named("broken").ask(Member.ledger)
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


def _sites(member: Member) -> list[str]:
    return [site.name for site in member.ledger().sites()]


def _timed_out(_: Member) -> None:
    raise TimeoutError("its own")
