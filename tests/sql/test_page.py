"""Commands and queries of the page on SQL, run as they stand there."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.sql import sql
from tests.command import ROOT
from tests.docs.pages import blocks

_BLOCKS = list(blocks((ROOT / "docs/how-to/sql.md").read_text()))
_QUERIES = [block.text for block in _BLOCKS if block.info == "sql"]
_COMMANDS = [line for block in _BLOCKS if block.info == "bash" for line in block.text.splitlines()]
_SHOWN = {_QUERIES[0]: ["plant", "hammer", "2"], _QUERIES[1]: ["plant-1", "2026-03-02", "hammer", "3", "3.5"]}


def _run(*words: str) -> Any:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(sql)
    return CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _place(veiled: Path, plants: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "veiled").symlink_to(veiled)
    (tmp_path / "ledger.db").symlink_to(plants.removeprefix("sqlite:///"))
    (tmp_path / "query.sql").write_text(_QUERIES[0])


@pytest.mark.parametrize("query", _QUERIES)
def test_a_query_of_the_page_gives_rows(query: str) -> None:
    done = _run("veiled", "--ledger", "sqlite:///ledger.db", query)
    assert done.exit_code == 0
    assert _SHOWN[query] in [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_command_of_the_page_runs(command: str, tmp_path: Path) -> None:
    program, name, *words = shlex.split(command)
    assert (program, name) == ("raypp", "sql")
    done = _run(*words)
    assert done.exit_code == 0
    written = [tmp_path / "rows.parquet", tmp_path / "episodes" / "day=2026-03-02" / "rows.parquet"]
    assert done.stdout or any(path.exists() for path in written)
