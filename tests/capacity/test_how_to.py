"""The page on capacity: its commands run as they are written, and print what it shows."""

import os
import shlex
import shutil
from pathlib import Path

import pytest

from tests.command import ROOT, environment, raypp
from tests.docs.pages import Block, blocks
from tests.ledger.postgres import PostgresServer

_PAGE = ROOT / "docs" / "how-to" / "capacity.md"
_BLOCKS = list(blocks(_PAGE.read_text()))
_RATES = ROOT / "benchmarks" / "results" / "capacity-rates.json"


def _commands(name: str) -> list[Block]:
    return [block for block in _BLOCKS if block.info == "bash" and name in block.text]


def _run(text: str, folder: Path, **variables: str) -> str:
    """Run the commands of a block in a folder, with the shell's variables; returns what they print."""
    printed = ""
    for line in text.replace("\\\n", "").splitlines():
        program, *arguments = shlex.split(os.path.expandvars(line) if variables else line)
        assert program == "raypp"
        done = raypp(*arguments, env=environment(COLUMNS="100", **variables), cwd=folder)
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    return "\n".join(map(str.rstrip, printed.splitlines())).strip()


def test_each_plan_of_the_page_comes_out_as_shown(tmp_path: Path) -> None:
    shutil.copy(_RATES, tmp_path / "rates.json")
    settings, prices = (block.text for block in _BLOCKS if block.info == "yaml")
    (tmp_path / "capacity.yaml").write_text(settings)
    (tmp_path / "prices.yaml").write_text(prices)
    commands = _commands("raypp capacity")
    shown = [block.text.strip() for block in _BLOCKS if block.info == "text"]
    assert len(commands) == len(shown) == 2
    assert [_run(block.text, tmp_path) for block in commands] == shown
    assert (tmp_path / "plan.json").exists()


@pytest.mark.slow
def test_the_benchmarks_of_the_page_measure_all_that_a_plan_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, with_postgres = _commands("raypp bench")
    _run(own.text, tmp_path)
    plan = ("capacity", "--rates", tmp_path / "rates.json", "--sites", "100")
    assert raypp(*plan, "--database", "sqlite").returncode == 0
    assert "it needs a URL: `raypp bench --postgres URL`" in raypp(*plan).stderr
    with PostgresServer(max_connections="200") as server:
        monkeypatch.setenv("POSTGRES", server.database())
        _run(with_postgres.text, tmp_path, POSTGRES=os.environ["POSTGRES"])
    assert raypp(*plan).returncode == 0
