"""Commands on several ledgers, which a settings file of the service names."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.audit_log import audit_log
from raypp.cli.ledgers import ledger as ledger_commands
from raypp.cli.operators import operator
from raypp.cli.report_app import report
from raypp.cli.sites import make_site_app
from raypp.errors import OptionError
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from tests.ledger.moved import PARTS
from tests.ledger.site import Connection


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A settings file that names two ledgers, which are not made yet."""
    file = tmp_path / "serve.yaml"
    file.write_text(f"ledgers:\n  north: sqlite:///{tmp_path}/north.db\n  south: sqlite:///{tmp_path}/south.db\n")
    return file


def run(settings: Path, *arguments: object, code: int = 0) -> str:
    app = typer.Typer()
    app.add_typer(make_site_app(), name="site")
    app.add_typer(operator, name="operator")
    app.add_typer(ledger_commands, name="ledger")
    app.command("audit-log")(audit_log)
    app.command("report")(report)
    words = [str(argument) for argument in arguments]
    done = CliRunner(env={"COLUMNS": "200", "RAYPP_LEDGER": str(settings)}).invoke(app, words)
    if isinstance(done.exception, Exception):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def test_sites_are_added_listed_moved_checked_and_reported_by_the_names_of_ledgers(settings: Path, tmp_path: Path):
    assert ", in ledger south" in run(settings, "site", "add", "plant-1", "--into", "south")
    run(settings, "site", "add", "plant-2", "--into", "north")
    assert "a further token" in run(settings, "site", "add", "plant-2")
    run(settings, "operator", "add", "anna")
    with Ledgers.open(LedgerList.parse(str(settings))) as opened:
        Connection(opened.of("plant-1")).send_all(PARTS)
        assert [name for name, ledger in opened.opened() if ledger.streams("plant-1")] == ["south"]
    assert "plant-1  settings version 0, ledger south" in run(settings, "site", "list")
    assert "anna" in run(settings, "operator", "list")
    assert "site plant-1 is in sqlite:///" in run(settings, "ledger", "move", "plant-1", "--to", "north")
    out = tmp_path / "map.json"
    shown = run(settings, "ledger", "map", "--json", out)
    assert "  plant-1  north" in shown.splitlines()
    assert [(use["name"], use["sites"]) for use in json.loads(out.read_text())["ledgers"]] == [
        ("north", 2),
        ("south", 0),
    ]
    assert "checked: nothing missing" in run(settings, "ledger", "check")
    assert "drill" in run(settings, "report", "plant-1", "--from", "2023-11-14", "--to", "2023-11-15")
    log = run(settings, "audit-log")
    assert "north" in log
    assert "arrived, from sqlite:///" in log
    assert "gone, to sqlite:///" in log


def test_what_works_on_one_ledger_says_so(settings: Path, tmp_path: Path):
    run(settings, "site", "add", "plant-1")
    with pytest.raises(OptionError, match="works on one ledger, and 2 are named; give the URL of one"):
        run(settings, "audit-log", "--archive-before", "1d", "--out", tmp_path / "old.jsonl")
    with pytest.raises(OptionError, match="no ledger is named 'west'; there are north, south"):
        run(settings, "ledger", "move", "plant-1", "--to", "west")


def test_a_site_in_two_ledgers_is_shown_and_the_status_tells(settings: Path):
    run(settings, "site", "add", "plant-1", "--into", "south")
    with Ledgers.open(LedgerList.parse(str(settings))) as opened:
        opened.home.ledger().add_site("plant-1")
    assert "TWICE: site plant-1 is in two ledgers" in run(settings, "ledger", "map", code=3)
    assert "plant-1 is in two ledgers" in run(settings, "ledger", "check", code=1)


def test_migrations_of_all_ledgers_are_written_and_none_keeps_another_from_its_own(settings: Path, tmp_path: Path):
    run(settings, "operator", "add", "anna")
    out = tmp_path / "migrated.json"
    assert run(settings, "ledger", "migrate", "--json", out).count("already") == 2
    written = json.loads(out.read_text())
    assert list(written["ledgers"]) == ["north", "south"]
    assert {each["ledger"] for each in written["ledgers"].values()} == {
        f"sqlite:///{tmp_path}/{name}.db" for name in ("north", "south")
    }
    assert written["failed"] == {}
    (tmp_path / "north.db").write_bytes(b"this is no database at all" * 100)
    assert "north could not be migrated" in run(settings, "ledger", "migrate", "--json", out, code=1)
    written = json.loads(out.read_text())
    assert (list(written["ledgers"]), list(written["failed"])) == (["south"], ["north"])
    assert json.loads(_migrated_alone(settings, tmp_path).read_text())["ledger"].endswith("south.db")


def _migrated_alone(settings: Path, folder: Path) -> Path:
    out = folder / "alone.json"
    run(settings, "ledger", "migrate", f"sqlite:///{folder}/south.db", "--json", out)
    return out


def test_sites_of_a_broken_ledger_are_missing_from_a_list_that_says_so(settings: Path, tmp_path: Path):
    run(settings, "site", "add", "plant-1", "--into", "north")
    run(settings, "site", "add", "plant-2", "--into", "south")
    (tmp_path / "south.db").write_bytes(b"this is no database at all" * 100)
    listed = run(settings, "site", "list", code=3)
    assert "plant-1" in listed
    assert "plant-2" not in listed
    assert "ledger south does not answer: its sites are not listed" in listed


def test_tokens_left_in_the_ledger_that_a_site_went_from_need_attention(settings: Path, tmp_path: Path):
    run(settings, "site", "add", "plant-1", "--into", "north")
    run(settings, "ledger", "move", "plant-1", "--to", "south")
    alone = f"sqlite:///{tmp_path}/north.db"
    words = "site plant-1 has moved to ledger sqlite:///"
    assert words in run(settings, "site", "revoke", "plant-1", "--ledger", alone, code=3)
    expire = ("site", "expire", "plant-1", "--at", "2099-01-31")
    assert words in run(settings, *expire, "--ledger", alone, code=3)
    assert "1 token expires 2099-01-31" in run(settings, *expire)
    assert "revoked 1 token" in run(settings, "site", "revoke", "plant-1")


def test_a_ledger_that_is_broken_keeps_no_other_from_retention_checks_and_the_audit_log(settings: Path, tmp_path: Path):
    run(settings, "site", "add", "plant-1", "--into", "south")
    with Ledgers.open(LedgerList.parse(str(settings))) as opened:
        Connection(opened.of("plant-1")).send_all(PARTS)
    (tmp_path / "north.db").write_bytes(b"this is no database at all" * 100)
    out = tmp_path / "out.json"
    shown = run(settings, "audit-log", "--json", out, code=1)
    assert "plant-1" in shown
    assert "the entries of north are missing: " in shown
    written = json.loads(out.read_text())
    assert ({each["ledger"] for each in written["entries"]}, list(written["failed"])) == ({"south"}, ["north"])
    shown = run(settings, "ledger", "check", "--json", out, code=1)
    assert "north could not be checked: " in shown
    assert [row["frames"] for row in json.loads(out.read_text())["cameras"]] == [sum(map(len, PARTS))]
    shown = run(settings, "ledger", "retain", "--keep", "30d", "--json", out, code=1)
    assert "nothing more was forgotten of north: " in shown
    assert "/south.db: forgot " in shown
    written = json.loads(out.read_text())
    assert ([each["frames"] for each in written["ledgers"]], list(written["failed"])) == (
        [sum(map(len, PARTS))],
        ["north"],
    )
