"""A ledger of an older release is migrated on a copy first, and that says what the migration would do."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from raypp.cli.app import build
from raypp.errors import LedgerError, OptionError
from raypp.ledger import migration
from raypp.ledger.migration import migrate, rehearse
from raypp.ledger.schema import newest_schema, schema_of
from raypp.ledger.store import Ledger
from tests.ledger.older import write_older
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import Connection, chunks, content, scratch, working_day

_OLD = Path(__file__).parents[1] / "compatibility/site/site.ledger"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger that an older release left, of schema 0001."""
    return Path(shutil.copy(_OLD, tmp_path / "ledger.db"))


def _run(*call: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(build(), [str(part) for part in call])
    return result.exit_code, result.output


def test_a_rehearsal_says_what_a_migration_does_and_leaves_the_ledger_as_it_was(old: Path, tmp_path: Path) -> None:
    before = old.read_bytes()
    code, output = _run("ledger", "migrate", f"sqlite:///{old}", "--rehearse", "--json", tmp_path / "done.json")
    assert code == 0, output
    assert old.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} <= {"ledger.db", "ledger.db-wal", "ledger.db-shm", "done.json"}
    done = json.loads((tmp_path / "done.json").read_text())
    assert (done["from_schema"], done["to_schema"]) == ("0001", newest_schema())
    assert (done["rows"]["frames"], done["rows"]["episodes"]) == (240, 5)
    assert done["lost"] == done["problems"] == []
    assert f"schema 0001 to {newest_schema()}" in output
    with Ledger.open(f"sqlite:///{old}", create=False) as ledger, ledger.database.read() as connection:
        assert schema_of(connection) == "0001"
    code, output = _run("ledger", "migrate", f"sqlite:///{old}")
    assert code == 0
    with Ledger.open(f"sqlite:///{old}", create=False) as ledger, ledger.database.read() as connection:
        assert schema_of(connection) == newest_schema()
    assert "already" in _run("ledger", "migrate", f"sqlite:///{old}")[1]


def test_a_migration_with_a_stream_open_goes_on_where_it_stood(tmp_path: Path) -> None:
    parts, url = chunks(working_day()), f"sqlite:///{tmp_path}/older.db"
    with scratch() as whole, scratch() as half:
        Connection(whole).send_all(parts, last=True)
        Connection(half).send_all(parts[:10])  # and is not ended
        write_older(url, half)
        with Ledger.open(url, create=False) as older:
            done = rehearse(older)
        assert (done.from_schema, done.lost, done.problems) == ("0006", (), ())
        assert migrate(url).from_schema == "0006"
        with Ledger.open(url, create=False) as migrated:
            connection = Connection(migrated)
            assert connection.committed == 10
            connection.send_all(parts, last=True)
            assert content(migrated) == content(whole)


def test_a_rehearsal_sees_rows_that_a_migration_loses(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def losing(url: str) -> migration.Migrated:
        done = migrate(url)
        with Ledger.open(url, create=False) as ledger, ledger.database.write() as connection:
            connection.execute(text("DELETE FROM episodes WHERE episode_id = (SELECT min(episode_id) FROM episodes)"))
        return done

    monkeypatch.setattr(migration, "migrate", losing)
    code, output = _run("ledger", "migrate", f"sqlite:///{old}", "--rehearse")
    assert code == 1
    assert "LOST: episodes: 5 before, 4 after" in output


def test_what_cannot_be_rehearsed_is_said_in_one_line(old: Path, tmp_path: Path, postgres: PostgresServer) -> None:
    with Ledger.open(f"sqlite:///{old}", create=False) as ledger, pytest.raises(OptionError, match="is no folder"):
        rehearse(ledger, tmp_path / "none")
    with pytest.raises(LedgerError, match=r"none\.db"):
        migrate(f"sqlite:///{tmp_path}/none.db")
    address = postgres.database()
    with Ledger.open(address) as ledger, pytest.raises(OptionError, match="pg_restore"):
        rehearse(ledger)
    assert migrate(address).from_schema == newest_schema()
