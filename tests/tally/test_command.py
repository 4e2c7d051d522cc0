"""The commands of `raypp tally`, as their page has them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raypp.cli.app import build
from raypp.errors import OptionError, TallyError
from tests.tally.parties import Parties


def _run(*arguments: object) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(build(), ["tally", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_a_certificate_is_made_once_and_its_key_stays_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    shown = _run("certificate", "--as", "plant-1")
    assert (tmp_path / "plant-1.key").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in shown + (tmp_path / "plant-1.crt").read_text()
    with pytest.raises(OptionError, match=r"`certificate` plant-1\.crt exists"):
        _run("certificate", "--as", "plant-1")
    (tmp_path / "plant-1.crt").unlink()
    with pytest.raises(TallyError, match="exists"):
        _run("certificate", "--as", "plant-1")
    with pytest.raises(OptionError, match="a name is 1 to 100 letters"):
        _run("certificate", "--as", "../plant")


def test_a_plan_and_figures_are_checked_before_anybody_is_called(tmp_path: Path):
    parties = Parties(tmp_path, 3, [{"name": "hours", "most": 10, "open": ["sum", "median"]}])
    plan = tmp_path / "tally.yaml"
    shown = _run("check", plan)
    assert shown.count("party         plant-") == 3
    assert "hours: the median of 3 may be the very figure of one of them" in shown
    (tmp_path / "values.json").write_text(json.dumps({"hours": 3}))
    joined = ("join", plan, "--as", "plant-2", "--key", tmp_path / "plant-2.key", "--values", tmp_path / "values.json")
    assert "1 of 1, all within the plan" in _run(*joined, "--dry-run")
    assert parties.plan["name"] in shown
    with pytest.raises(OptionError, match="is no party of the plan"):
        _run(*joined[:3], "plant-4", *joined[4:], "--dry-run")
