"""A ledger's file that has been used and is missing is away: nobody makes an empty one in its place."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.ledgers import ledger as ledger_commands
from raypp.cli.sites import make_site_app
from raypp.errors import LedgerError, LedgerUnavailableError
from raypp.ledger import member as of_member
from raypp.ledger.identity import Identities
from raypp.ledger.known_ledgers import KnownLedgers
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from tests.ledger.postgres import PostgresServer
from tests.serving.bundles import write_eager_bundle


@pytest.fixture
def known(tmp_path: Path) -> KnownLedgers:
    return KnownLedgers(tmp_path / "state" / "ledgers")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The folder on which a disk is mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    return disk


def test_a_ledger_whose_disk_is_away_is_not_made_anew_and_goes_on_once_it_is_back(known: KnownLedgers, disk: Path):
    named = LedgerList.parse(f"sqlite:///{disk}/ledger.db")
    with Ledgers.open(named, known=known) as new:
        token = Identities(new).add_site("plant-1")
    away = disk.rename(disk.with_name("away"))
    for is_mounted in (False, True):
        if is_mounted:
            disk.mkdir()
        with pytest.raises(LedgerError, match=rf"ledger {disk}/ledger\.db is away, .* mount its disk.*ledger init"):
            Ledgers.open(named, known=known)
        assert not (disk / "ledger.db").exists()
    (disk / "ledger.db").touch()
    with pytest.raises(LedgerError, match="is away"):
        Ledgers.open(named, known=known)
    (disk / "ledger.db").unlink()
    disk.rmdir()
    away.rename(disk)
    with Ledgers.open(named, known=known) as back:
        assert Identities(back).check(token).site == "plant-1"


def test_a_ledger_of_several_that_is_away_waits_alone(
    known: KnownLedgers, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(of_member, "_AGAIN_S", 0.0)
    caplog.set_level(logging.WARNING)
    named = LedgerList({"north": f"sqlite:///{disk}/north.db", "south": f"sqlite:///{tmp_path}/south.db"})
    with Ledgers.open(named, known=known) as new:
        tokens = {name: Identities(new).add_site(f"plant-{name}", into=name) for name in named.urls}
    away = disk.rename(disk.with_name("away"))
    disk.mkdir()
    with Ledgers.open(named, known=known) as some:
        (line,) = [record.getMessage() for record in caplog.records]
        assert line.startswith(f"raypp: ledger north is passed over: ledger {disk}/north.db is away, ")
        assert Identities(some).check(tokens["south"]).site == "plant-south"
        with pytest.raises(LedgerUnavailableError):
            Identities(some).check(tokens["north"])
        assert list(disk.iterdir()) == []
        disk.rmdir()
        away.rename(disk)
        assert Identities(some).check(tokens["north"]).site == "plant-north"


def test_commands_make_a_ledger_once_and_another_one_where_somebody_says_so(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    app = typer.Typer()
    app.add_typer(make_site_app(), name="site")
    app.add_typer(ledger_commands, name="ledger")
    url, file = f"sqlite:///{disk}/ledger.db", disk / "ledger.db"

    def run(*words: str) -> str:
        done = CliRunner(env={"RAYPP_LEDGER": url}).invoke(app, words)
        if isinstance(done.exception, Exception):
            raise done.exception
        return done.output

    run("site", "add", "plant-1")
    assert "is there, with 1 site" in run("ledger", "init", url)
    file.unlink()
    with pytest.raises(LedgerError, match="is away"):
        run("site", "add", "plant-1")
    assert not file.exists()
    assert "is there, with 0 sites" in run("ledger", "init", url)
    run("site", "add", "plant-1")


def test_a_service_does_not_start_beside_a_ledger_that_is_away(disk: Path, tmp_path: Path):
    url = f"sqlite:///{disk}/ledger.db"
    with Ledgers.open(LedgerList.parse(url), known=KnownLedgers.of_account()):
        pass
    (disk / "ledger.db").unlink()
    command = [
        sys.executable,
        "-m",
        "raypp",
        "serve",
        "--model",
        write_eager_bundle(tmp_path / "a.model"),
        "--ledger",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode
    assert line.startswith(f"raypp: ledger {disk}/ledger.db is away, ")
    assert list(disk.iterdir()) == []


def test_a_database_that_was_emptied_is_no_new_ledger_and_goes_on_once_it_is_restored(
    known: KnownLedgers, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
):
    url = postgres.database()
    base = url.replace("raypp@", "raypp:secret@")
    with Ledgers.open(LedgerList.parse(base), known=known) as new:
        token = Identities(new).add_site("plant-1")
    (line,) = [record.getMessage() for record in caplog.records]
    assert re.search(r"database of ledger \S+ was empty; it holds a new ledger now, without sites", line)
    assert "secret" not in line
    name, kept = postgres.name_of(url), "kept"
    postgres.sql("postgres", f"ALTER DATABASE {name} RENAME TO {kept}")
    postgres.sql("postgres", f"CREATE DATABASE {name}")
    for other in (base, url, url.replace("+psycopg", "")):  # who connects, and how, makes no other database of it
        with pytest.raises(LedgerError, match=r"is empty, and has been used since .*restore .*ledger init") as caught:
            Ledgers.open(LedgerList.parse(other), known=known)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert postgres.sql(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    postgres.sql("postgres", f"DROP DATABASE {name}")
    with pytest.raises(LedgerUnavailableError):  # the server itself says that it is not there
        Ledgers.open(LedgerList.parse(base), known=known)
    postgres.sql("postgres", f"ALTER DATABASE {kept} RENAME TO {name}")
    with Ledgers.open(LedgerList.parse(base), known=known) as back:
        assert Identities(back).check(token).site == "plant-1"
    postgres.drop(url)


def test_an_emptied_database_is_made_a_ledger_where_somebody_says_so(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    url = postgres.database()
    with Ledgers.open(LedgerList.parse(url), known=KnownLedgers.of_account()):
        pass
    postgres.sql(postgres.name_of(url), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    app = typer.Typer()
    app.add_typer(ledger_commands, name="ledger")
    app.add_typer(make_site_app(), name="site")
    refused = CliRunner(env={"RAYPP_LEDGER": url}).invoke(app, ["site", "add", "plant-1"])
    assert isinstance(refused.exception, LedgerError)
    begun = CliRunner().invoke(app, ["ledger", "init", url])
    assert "is there, with 0 sites" in begun.output
    assert CliRunner(env={"RAYPP_LEDGER": url}).invoke(app, ["site", "add", "plant-1"]).exit_code == 0
    postgres.drop(url)


def test_what_cannot_be_remembered_is_said(disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "file").touch()
    known, named = KnownLedgers(tmp_path / "file" / "ledgers"), LedgerList.parse(f"sqlite:///{disk}/ledger.db")
    with Ledgers.open(named, known=known):
        pass
    assert "cannot be remembered" in caplog.text
