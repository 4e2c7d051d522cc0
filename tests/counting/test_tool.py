"""The counter as a research tool: objects that it counted, a tool that never saw an image, two persons, a release."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raypp.errors import OptionError
from raypp.toolbox.data import counts_data
from tests.command import ROOT, environment, succeed
from tests.sandbox.isolated import needs_sandbox
from tests.toolbox.owner import Owner
from tests.toolbox.test_command import run_tool

EXAMPLE = ROOT / "examples" / "tools" / "count-crystals"


@needs_sandbox
def test_the_tool_is_tried_on_crystals_that_were_never_there(tmp_path: Path) -> None:
    shown = run_tool("test", EXAMPLE, "--parameter", "least_um=20", "--json", tmp_path / "tried.json")
    assert "may tell      3003 bits at most" in shown
    tables = json.loads((tmp_path / "tried.json").read_text())["tables"]
    totals = {row[0]: row[1:] for row in tables["totals"]["rows"]}
    assert set(totals) == {"crystal", "agglomerate"}
    for name, (objects, images, *deciles) in totals.items():
        assert (int(objects) >= 10, int(images) <= 24, float(deciles[0]) >= 20) == (True, True, True)
        assert list(map(float, deciles)) == sorted(map(float, deciles))
        bins = [(float(row[1]), int(row[2])) for row in tables["sizes"]["rows"] if row[0] == name]
        assert sum(count for _, count in bins) <= int(objects)
        assert min(begin for begin, _ in bins) >= 20


def test_what_is_no_count_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"objects\.parquet is not there; give a folder that"):
        counts_data([str(tmp_path)], "counts")
    (tmp_path / "objects.parquet").write_text("no table")
    with pytest.raises(OptionError, match=r"objects\.parquet is no table; give a folder"):
        counts_data([str(tmp_path)], "counts")
    pq.write_table(pa.table({"image": ["a"]}), tmp_path / "objects.parquet")
    with pytest.raises(OptionError, match="has other columns than a count"):
        counts_data([str(tmp_path)], "counts")


@pytest.mark.slow
@needs_sandbox
def test_counts_of_micrographs_go_through_a_tool_to_a_release(place: Path, tmp_path: Path) -> None:
    env = environment(RAYPP_KEY_FILE=str(place / "owner.key"))
    model, counts = tmp_path / "counts.model", tmp_path / "counts"
    drawn, scale = place / "micrographs", ("--scale", "0.8um/px")
    succeed("count", "calibrate", drawn, "--model", place / "eager.model", *scale, "--out", model, env=env)
    succeed("count", "images", drawn / "images", "--model", model, *scale, "--out", counts, env=env)
    owner = Owner(tmp_path, {"reads": ["counts"], "least_cell": 3})
    owner.ledger.close()
    run_tool("pack", EXAMPLE, "--out", tmp_path / "count-crystals.tool")
    common = ("--policy", owner.policy_path, "--ledger", owner.url)
    run_tool("submit", tmp_path / "count-crystals.tool", "--from", "anna", *common)
    assert "reads         counts" in run_tool("review", "count-crystals", *common)
    for name in ("ben", "cleo"):
        run_tool("approve", "count-crystals", "--as", name, "--key", tmp_path / f"{name}.key", *common)
    run = ("run", "count-crystals", "--for", "anna", "--on", "local", *common)
    with pytest.raises(OptionError, match="name a folder of `raypp count images` by --counts"):
        run_tool(*run)
    with pytest.raises(OptionError, match="the tool reads counts, and --archive is of codes"):
        run_tool(*run, "--counts", counts, "--archive", tmp_path)
    assert f"counts of {counts}" in run_tool(*run, "--counts", counts, "--dry-run")
    run_tool(*run, "--counts", counts, "--json", tmp_path / "ran.json")
    run_tool("release", "anna", "--out", tmp_path / "anna.json", "--ledger", owner.url)
    content = (tmp_path / "anna.json").read_text()
    (released,) = json.loads(content)["runs"]
    assert released["outcome"] == "ok", json.loads((tmp_path / "ran.json").read_text())
    table = pq.read_table(counts / "objects.parquet").to_pydict()
    totals = {name: table["class"].count(name) for name in set(table["class"])}
    rows = {row[0]: int(row[1]) for row in released["tables"]["totals"]["rows"]}
    assert rows == {name: count for name, count in totals.items() if count >= 3}
    assert rows
    assert "test-0000" not in content  # no image's name
