"""The commands of `raypp tool`, as their page has them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raypp.cli.app import build
from raypp.errors import OptionError
from tests.command import ROOT
from tests.sandbox.isolated import needs_sandbox
from tests.toolbox.tools import write_tool

EXAMPLE = ROOT / "examples" / "tools" / "tool-uses"


def run_tool(*arguments: object) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(build(), ["tool", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_the_example_is_packed(tmp_path: Path):
    shown = run_tool("pack", EXAMPLE, "--out", tmp_path / "tool-uses.tool")
    assert "tool tool-uses 1.0, reads detections: 2 files" in shown
    with pytest.raises(OptionError, match=r"`out` .*: No such file or directory"):
        run_tool("pack", EXAMPLE, "--out", tmp_path / "nowhere" / "tool-uses.tool")


@needs_sandbox
def test_the_example_is_tried_on_mock_data(tmp_path: Path):
    shown = run_tool(
        "test", EXAMPLE, "--parameter", "least_s=2", "--least-cell", "15", "--json", tmp_path / "tried.json"
    )
    assert "may tell      2758 bits at most" in shown
    tried = json.loads((tmp_path / "tried.json").read_text())
    assert tried["refused_by"] is None
    rows = tried["tables"]["uses"]["rows"]
    assert {row[0] for row in rows} == {"bench-1", "bench-2"}
    assert all(int(row[2]) >= 15 and float(row[3]) >= 2 for row in rows)
    assert tried["small"]["uses"] == 10 - len(rows)


@pytest.mark.slow
@needs_sandbox
def test_a_tool_that_breaks_a_rule_says_so_on_mock_data(tmp_path: Path):
    with pytest.raises(OptionError, match=r"refused by rule 5: t, code: 'c' is none of its texts"):
        run_tool("test", write_tool(tmp_path / "tool", "open('/out/t.csv', 'w').write('code,n\\nc,20\\n')"))


def test_parameters_are_checked_before_anything_is_made(tmp_path: Path):
    for given, words in (("least_s", "as NAME=VALUE"), ("least_s=90", "out of its range"), ("most=1", "is none of")):
        with pytest.raises(OptionError, match=words):
            run_tool("test", EXAMPLE, "--parameter", given)
