"""A comparison from images to table: every arm is trained once, and a stopped one goes on."""

import json
from pathlib import Path

import pytest
import torch

from raypp.compare.arm import ArmProgress, ComparisonSchedule
from raypp.compare.arm_names import parse_arm
from raypp.compare.comparison import Comparison, compare
from raypp.compare.rows import read_arm_rows, read_matches
from raypp.compare.task import run_arms_here
from raypp.detect.training_state import read_state
from raypp.ingest.job import veil_here
from raypp.progress import SILENT
from tests.command import raypp, succeed
from tests.killed import kill_within
from tests.videos import make_dataset

_ARMS = ("plain", "plain-cells", "library", "default", "open:fold=0,adapter_rate=4", "private-pixelation-16:epsilon=8")
_ASKED = ("--size", 96, "--epochs", 2, "--batch", 4, "--replicates", 20, "--wrong-keys", 1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    succeed("keygen", "--out", place / "owner.key")
    make_dataset(place / "tools", count=18)
    return place


def _compare(place: Path, *options: object) -> None:
    succeed("compare", place / "tools", "--out", place / "cost", "--key", place / "owner.key", *_ASKED, *options)


@pytest.fixture(scope="module")
def cost(place: Path) -> Path:
    arms = [word for arm in _ARMS for word in ("--arm", arm)]
    _compare(place, *arms, "--on", "local", "--json", place / "table.json")
    return place / "cost"


def test_every_arm_leaves_a_row_and_a_line(place: Path, cost: Path) -> None:
    rows = read_arm_rows(cost)
    assert {row.arm.name for row in rows.values()} == {parse_arm(arm, 0).name for arm in _ARMS}
    for row in rows.values():
        assert row.val_images == 6
        assert row.train_images == 12
        assert row.step_s > 0
        assert "compare" in row.command
        assert len(read_matches(cost, row)) == 6
        assert (row.veil is not None) == (len(row.wrong_key_map50) == 1) == (row.plain_input_map50 is not None)
    table = json.loads((place / "table.json").read_text())
    assert table["reference"] == "plain"
    assert table["lines"][0]["name"] == "plain"
    veiled = next(line for line in table["lines"] if line["name"] == "default")
    assert veiled["size_ratio"] > 0
    assert veiled["frames_per_s"] > 0
    private = next(line for line in table["lines"] if line["name"] == "private-pixelation-16-epsilon-8")
    assert 0 < private["size_ratio"] < 1
    assert (private["frames_per_s"], private["wrong_key_share"]) == (None, None)
    written = (cost / "public" / "table.md").read_text().splitlines()
    assert len(written) == 2 + len(_ARMS)
    assert (cost / "public" / "table.png").stat().st_size > 5000
    assert not [path for path in (cost, *cost.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o077]


def test_the_same_images_are_matched_in_every_arm(cost: Path) -> None:
    orders = {tuple(match.sample_id for match in read_matches(cost, row)) for row in read_arm_rows(cost).values()}
    assert len(orders) == 1
    assert all("images" in name for name in orders.pop())


def test_nothing_is_left_in_the_dataset(place: Path, cost: Path) -> None:
    assert cost.is_dir()
    assert not [path for path in (place / "tools").rglob("*") if path.suffix == ".cache"]


def test_a_rerun_trains_what_has_no_row_and_nothing_else(place: Path, cost: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (cost / "rows").iterdir()}
    _compare(place, "--arm", "plain-cells", "--arm", "default", "--arm", "pairs:sub_keys=2", "--on", "local")
    after = {path: path.stat().st_mtime_ns for path in (cost / "rows").iterdir()}
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()


@pytest.mark.slow
@pytest.mark.ray
def test_arms_run_on_ray_side_by_side(place: Path) -> None:
    arms = ("--arm", "plain-cells", "--arm", "default")
    out = place / "on-ray"
    succeed("compare", place / "tools", "--out", out, "--key", place / "owner.key", *_ASKED, *arms, "--cpus", 1)
    assert {row.arm.name for row in read_arm_rows(out).values()} == {"plain-cells", "default"}


_TWO = ("plain", "default")
"""Mosaics of the first are made of images, of the second of codes."""


def _comparison(place: Path, out: Path) -> Comparison:
    schedule = ComparisonSchedule(architecture="yolov8p", size=64, epochs=12, batch=4)  # mosaics in the first two
    arms = tuple(parse_arm(name, 0) for name in _TWO)
    return Comparison(str(place / "tools"), out, place / "owner.key", schedule, arms, 0, "compare")


@pytest.mark.slow
def test_an_arm_killed_within_an_epoch_goes_on_to_the_same_row(place: Path, tmp_path: Path) -> None:
    def run(out: Path, report: ArmProgress) -> None:
        compare(_comparison(place, out), veil_here, lambda tasks: run_arms_here(tasks, lambda _: report), SILENT)

    run(tmp_path / "whole", lambda *_: None)
    options = ("--model", "yolov8p", "--size", 64, "--epochs", 12, "--batch", 4, "--wrong-keys", 0, "--seeds", 0)
    for name in _TWO:
        files = ("--out", tmp_path / "killed", "--key", place / "owner.key", "--arm", name)
        kill_within(2, 2, "compare", place / "tools", *files, *options, "--on", "local")
    assert not read_arm_rows(tmp_path / "killed")
    epochs: list[int] = []
    run(tmp_path / "killed", lambda epoch, *_: epochs.append(epoch))
    assert epochs == [*range(2, 13)] * 2
    whole, again = (read_arm_rows(tmp_path / name) for name in ("whole", "killed"))
    assert len(again) == 2
    for row_id, row in whole.items():
        mine = again[row_id]
        assert mine.curve == row.curve
        assert (mine.map50, mine.map50_95, mine.classes) == (row.map50, row.map50_95, row.classes)
        states = [read_state(tmp_path / name / "running" / row_id) for name in ("whole", "killed")]
        assert all(torch.equal(tensor, states[1].ema[name]) for name, tensor in states[0].ema.items())
        assert len(states[1].extra["seconds"]) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "100"), "multiple of 32"),
        (("--arm", "x:fold=0", "--arm", "x:fold=1"), "two arms are called x"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    place: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = raypp("compare", place / "tools", "--out", tmp_path / "out", "--key", place / "owner.key", *options)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
