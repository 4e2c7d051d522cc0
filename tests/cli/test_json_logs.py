"""`--log-format json`: what a command says on standard error is one object a line, with the documented fields."""

import json
import re

from raypp.io.log_record import FIELDS, FORMAT_VARIABLE
from tests.command import ROOT, environment, raypp


def test_a_commands_lines_are_objects_and_its_results_stay_as_they_are(tmp_path):
    done = raypp("--log-format", "json", "verify", tmp_path)
    (row,) = map(json.loads, done.stderr.splitlines())
    assert tuple(row) == FIELDS
    assert (done.returncode, row["level"], row["component"]) == (1, "ERROR", "verify")
    assert row["message"].startswith("archive ")
    json_of_all = environment(**{FORMAT_VARIABLE: "json"})
    done = raypp("keygen", "--out", tmp_path / "owner.key", env=json_of_all)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(row["level"], row["component"]) for row in rows} == {("INFO", "keygen")}
    assert (tmp_path / "owner.key").read_text().strip() not in done.stderr


def test_an_unknown_format_is_told_in_one_line():
    done = raypp("verify", "/nowhere", env=environment(**{FORMAT_VARIABLE: "xml"}))
    assert done.returncode == 1
    assert done.stderr == "raypp: RAYPP_LOG_FORMAT 'xml' is no format of logs; give text, json\n"


def test_the_page_lists_each_field():
    page = (ROOT / "docs/reference/logs.md").read_text()
    assert tuple(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == FIELDS
