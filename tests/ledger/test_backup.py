"""Back-ups are of one moment and whole; what is restored checks, and its streams go on from there."""

import shutil
import sqlite3
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.ledgers import ledger as ledger_group
from raypp.errors import LedgerError, OptionError
from raypp.ledger.backup import back_up
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.store import Ledger
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import STREAM, Clock, Connection, alone, chunks, content, template, working_day

_FRAMES = working_day(240)
_PARTS = chunks(_FRAMES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    shutil.copy(template(), tmp_path / "ledger.db")
    return tmp_path / "ledger.db"


def _opened(path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{path}", create=False, clock=Clock())


def _go_on(ledger: Ledger, until: int = len(_PARTS)) -> int:
    """Stream from where the ledger is; returns where that was."""
    live = Connection(ledger)
    begun = live.committed
    for sequence in range(begun + 1, until + 1):
        live.send(sequence, _PARTS[sequence - 1])
    return begun


def _run(*arguments: object) -> str:
    app = typer.Typer()
    app.add_typer(ledger_group, name="ledger")
    app.callback()(lambda: None)
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done.output


def test_a_restored_ledger_goes_on_and_comes_to_the_same(path: Path, tmp_path: Path) -> None:
    with _opened(path) as ledger:
        _go_on(ledger, 10)
        output = _run("ledger", "backup", f"sqlite:///{path}", tmp_path / "backup.db")
        assert f"to {tmp_path / 'backup.db'}, as of 20" in output
        _go_on(ledger, 20)
    path.unlink()
    shutil.copy(tmp_path / "backup.db", path)
    assert "plant-1  bench  1 stream, 80 frames" in _run("ledger", "check", f"sqlite:///{path}")
    with _opened(path) as ledger:
        assert _go_on(ledger) == 10, "sites send again what was committed after the back-up"
        held = content(ledger)
        assert held.frames == ((STREAM, tuple(_FRAMES)),)
        assert (held.episodes, held.stretches) == alone(_FRAMES)
        assert check_ledger(ledger).problems == ()


def test_a_back_up_is_one_moment_of_a_ledger_that_goes_on_and_one_file_for_its_owner(
    path: Path, tmp_path: Path
) -> None:
    ended = threading.Event()

    def stream() -> None:
        with _opened(path) as ledger:
            _go_on(ledger)
        ended.set()

    thread = threading.Thread(target=stream)
    thread.start()
    with _opened(path) as ledger:
        number = 0
        while not ended.is_set() or not number:
            number += 1
            done = back_up(ledger, tmp_path / f"{number}.db")
            assert done.bytes == (tmp_path / f"{number}.db").stat().st_size
    thread.join()
    for copy in (tmp_path / f"{some}.db" for some in range(1, number + 1)):
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        with _opened(copy) as ledger:
            assert check_ledger(ledger).problems == ()
    assert not list(tmp_path.glob(".*")), "nothing half done is left"


def test_pages_of_the_log_are_in_a_back_up(path: Path, tmp_path: Path) -> None:
    """They are in no copy of the file alone."""
    with _opened(path) as ledger:
        _go_on(ledger, 10)
        back_up(ledger, tmp_path / "backup.db")
        shutil.copy(path, tmp_path / "alone.db")
    with _opened(tmp_path / "backup.db") as copy:
        assert [stream.committed for stream in copy.streams("plant-1")] == [10]
    with _opened(tmp_path / "alone.db") as copy:
        assert [stream.committed for stream in copy.streams("plant-1")] != [10]


@pytest.mark.parametrize(
    ("out", "words"), [("ledger.db", "is there already; name a new file"), ("no/where.db", "is no folder; make it")]
)
def test_what_is_there_is_not_overwritten_and_no_folder_is_made(
    path: Path, tmp_path: Path, out: str, words: str
) -> None:
    with _opened(path) as ledger, pytest.raises(OptionError, match=words):
        back_up(ledger, tmp_path / out)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ledger.db"]


def test_a_damaged_ledger_gives_no_back_up(path: Path, tmp_path: Path) -> None:
    with _opened(path) as ledger:
        _go_on(ledger)
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute("PRAGMA writable_schema = ON")
        plain.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'start_us', 'end_us') WHERE name = 'ix_episodes_start'"
        )
    with _opened(path) as ledger, pytest.raises(LedgerError, match="the copy is damaged, as the ledger must be: row "):
        back_up(ledger, tmp_path / "backup.db")
    assert not [each for each in tmp_path.iterdir() if "backup" in each.name]


def test_a_postgresql_ledger_is_dumped_and_restored(postgres: PostgresServer, postgres_template: str) -> None:
    address = postgres.database(postgres_template)
    with Ledger.open(address, clock=Clock()) as ledger:
        with pytest.raises(OptionError, match=r"is PostgreSQL; back it up with pg_dump or pg_basebackup"):
            back_up(ledger, Path("ledger.db"))
        _go_on(ledger, 10)
        where = ("-h", postgres.folder, "-U", "raypp")
        dump = postgres.folder / "ledger.dump"
        postgres.run("pg_dump", *where, "-Fc", "-f", dump, postgres.name_of(address))
        _go_on(ledger, 20)
    restored = postgres.database("template0")
    postgres.run(
        "pg_restore", *where, "--exit-on-error", "--single-transaction", "-d", postgres.name_of(restored), dump
    )
    assert "plant-1  bench  1 stream, 80 frames" in _run("ledger", "check", restored)
    with Ledger.open(restored, clock=Clock()) as ledger:
        assert _go_on(ledger) == 10
        assert (content(ledger).episodes, content(ledger).stretches) == alone(_FRAMES)
    for each in (address, restored):
        postgres.drop(each)


@pytest.mark.slow
def test_a_postgresql_ledger_is_restored_to_a_moment() -> None:
    """A base back-up, the log behind it, and a moment before the mistake."""
    copying = "test ! -f ../archive/%f && cp %p ../archive/%f"
    with PostgresServer(fsync="off", archive_mode="on", archive_command=copying) as server:
        (server.folder / "archive").mkdir()
        (server.folder / "archive").chmod(0o777)
        address = server.database()
        with Ledger.open(address, clock=Clock()) as ledger:
            ledger.add_site("plant-1")
            _go_on(ledger, 10)
            server.run("pg_basebackup", "-h", server.folder, "-U", "raypp", "-D", server.folder / "base", "-c", "fast")
            server.run("pg_verifybackup", server.folder / "base")
            _go_on(ledger, 20)
            time.sleep(0.2)
            moment = server.sql("postgres", "SELECT now()")
            time.sleep(0.2)
            _go_on(ledger)
            with ledger.database.write() as connection:
                connection.exec_driver_sql("DELETE FROM chunks")
            assert check_ledger(ledger).problems
        server.sql("postgres", "SELECT pg_switch_wal()")
        server.stop()
        (server.folder / "data").rename(server.folder / "broken")
        (server.folder / "base").rename(server.folder / "data")
        with (server.folder / "data/postgresql.auto.conf").open("a") as settings:
            settings.write(
                "restore_command = 'cp ../archive/%f %p'\n"
                f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n"
            )
        (server.folder / "data/recovery.signal").touch()
        server.start()
        while server.sql("postgres", "SELECT pg_is_in_recovery()") == "t":
            time.sleep(0.1)
        assert "plant-1  bench  1 stream, 160 frames" in _run("ledger", "check", address)
        with Ledger.open(address, clock=Clock()) as ledger:
            assert _go_on(ledger) == 20
            assert (content(ledger).episodes, content(ledger).stretches) == alone(_FRAMES)
