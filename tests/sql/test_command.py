"""`raypp sql` as people give it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.commands import require_packages
from raypp.cli.sql import sql
from raypp.errors import OptionError, RayppError
from tests.command import ROOT, environment, raypp, succeed

_APP = typer.Typer(pretty_exceptions_enable=False)
_APP.command()(sql)

_JOIN = """
-- boxes of frames, by site and class
select f.site, b.class, count(*) as boxes, sum(b.w) as widths
from frames f join boxes b using (archive, sample_id)
group by all order by all
"""


def test_rows_are_printed_and_written_as_files_of_every_kind(veiled: Path, tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text(_JOIN)
    shown = succeed("sql", veiled, "--file", tmp_path / "query.sql")
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["site", "class", "boxes", "widths"],
        ["plant", "drill", "1", "0.1"],
        ["plant", "hammer", "2", "0.2"],
    ]
    assert shown.stderr == "2 rows\n"
    assert succeed("sql", veiled, _JOIN, "--json", tmp_path / "rows.json").stdout == ""
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert rows[1] == {"site": "plant", "class": "hammer", "boxes": 2, "widths": 0.2}
    succeed("sql", veiled, _JOIN, "--parquet", tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == rows
    query = "select '=1+1' as cell, [1, 2] as list, null as none, 'a'::blob as bytes, sum(width) as n from frames"
    succeed("sql", veiled, query, "--csv", tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["cell", "list", "none", "bytes", "n"], ["'=1+1", "[1, 2]", "", "61", "2560"]]


def test_an_archive_and_a_ledger_are_queried_together_and_their_views_listed(veiled: Path, plants: str) -> None:
    query = "select count(*) n, (select count(*) from frames) frames from uses where tool = 'hammer'"
    assert succeed("sql", veiled, "--ledger", plants, "--site", "plant-1", query).stdout.split() == [
        "n",
        "frames",
        "3",
        "8",
    ]
    listed = succeed("sql", veiled, "--ledger", plants, "--views").stdout
    assert "frames: a veiled frame, without variants\n  archive              VARCHAR\n" in listed
    assert "episodes: a use of a tool, whole, as the ledger has it\n" in listed


def test_of_many_rows_the_first_are_printed_and_the_rest_is_told(veiled: Path) -> None:
    done = succeed("sql", veiled, "--rows", "3", "select sample_id from frames")
    assert len(done.stdout.splitlines()) == 4
    assert done.stderr.startswith("3 rows and more, which ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("select 1",), "nothing to query; name a veiled archive, or a ledger by --ledger"),
        (("{veiled}",), "no query behind {veiled}; give one in quotation marks, or by --file"),
        (
            ("{veiled}", "select nothing from frames"),
            'the query fails: Binder Error: Referenced column "nothing" not found',
        ),
        (("{veiled}/shards", "select 1"), "archive {veiled}/shards has no manifest.parquet"),
        (("{veiled}", "--site", "a", "select 1"), "--site, --from and --to are of a ledger; name one by --ledger"),
        (("{veiled}", "select 1 as x, 2 as x", "--json", "{new}"), "the query gives two columns named x"),
        (("{veiled}", "copy frames to '{new}'"), "a query only reads, and this is copy; give one SELECT"),
        (("{veiled}", "select * from '{veiled}/manifest.parquet'"), "the query fails: Permission Error: Cannot access"),
        (
            ("{veiled}", "select 1", "--json", "{new}", "--csv", "{new}"),
            "--json, --csv, --parquet and --partitions each take",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(veiled: Path, tmp_path: Path, words: tuple[str, ...], error: str) -> None:
    places = {"veiled": veiled, "new": tmp_path / "new"}
    done = CliRunner(env={"RAYPP_LEDGER": ""}).invoke(_APP, [word.format(**places) for word in words])
    assert isinstance(done.exception, RayppError)
    assert str(done.exception).startswith(error.format(**places))
    assert "\n" not in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_query_is_one_line_and_a_status(veiled: Path) -> None:
    done = raypp("sql", veiled, "select * from read_text('/etc/hostname')")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith("raypp: the query fails: Permission Error: Cannot access file")


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(OptionError, match=r"sql needs no_such_package; install raypp\[cluster\]"):
        require_packages(("no_such_package",), "sql")


@pytest.mark.slow
def test_a_query_that_takes_too_long_is_stopped_and_leaves_no_file(veiled: Path, tmp_path: Path) -> None:
    query = "select sum(a.x * b.x) from range(1000000) a(x), range(1000000000) b(x)"
    command = [sys.executable, "-P", "-m", "raypp", "sql", str(veiled), query, "--json", str(tmp_path / "rows.json")]
    with subprocess.Popen(command, env=environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(15)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        begun = time.monotonic()
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert time.monotonic() - begun < 30
    assert "stopped" in errors
    assert list(tmp_path.iterdir()) == []
