"""A run, a checkpoint and a bundle as raypp 0.1.0 wrote them before its rooms had their names: all of them still work.

`learning/` holds what commit 2e2db3b made, packed: a veiled archive; a run that was killed after 3 of 4 epochs; the
detector of the same run where it went on to the end; that detector as a bundle of float16; and what that commit
measured on both. Most channels of the detector are zero, so that it packs small.
"""

import csv
import json
import lzma
import tarfile
from pathlib import Path

import pytest
import torch

from tests.command import raypp, succeed

_KEPT = Path(__file__).parent / "learning"
_RUN = ("--model", "yolov8p", "--batch", 8, "--nominal-batch", 8, "--on", "local")
_EPOCHS = 4


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything unpacked."""
    folder = tmp_path_factory.mktemp("old")
    for path in _KEPT.glob("*.tar.xz"):
        with tarfile.open(path) as packed:
            packed.extractall(folder, filter="data")
    (folder / "tools.model").write_bytes(lzma.decompress((_KEPT / "tools.model.xz").read_bytes()))
    return folder


def _results(run: Path) -> list[dict[str, float]]:
    with (run / "results.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items() if name != "time"} for row in csv.DictReader(file)]


def test_what_is_kept_is_small() -> None:
    assert {path.name for path in _KEPT.iterdir() if path.stat().st_size > 300_000} == set()


@pytest.mark.parametrize(("model", "measured"), [("detector", "checkpoint.json"), ("tools.model", "bundle.json")])
def test_an_old_detector_evaluates_to_the_same_figures(place: Path, model: str, measured: str) -> None:
    now = place / f"now-{measured}"
    succeed("evaluate", place / "veiled", "--model", place / model, "--json", now)
    before = json.loads((_KEPT / measured).read_text())
    assert before["map50"] > 0
    same = json.loads(now.read_text())
    assert same.keys() == before.keys() | {"subject"}, "fields are only added"
    for name in ("samples", "labels", "precision", "recall", "map50", "map50_95"):
        assert same[name] == pytest.approx(before[name], abs=1e-4), name
    for scores, other in zip(same["classes"], before["classes"], strict=True):
        assert scores == pytest.approx(other, abs=1e-4)


def test_an_old_run_goes_on_to_the_weights_that_it_would_have_had(place: Path) -> None:
    run = place / "run"
    before = _results(run)
    assert len(before) == _EPOCHS - 1
    succeed("train", place / "veiled", "--out", run, "--epochs", _EPOCHS, *_RUN)
    after = _results(run)
    assert after[:-1] == before
    assert after[-1] == pytest.approx(_results(_KEPT)[-1], rel=1e-3)
    states = [
        torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
        for folder in (run / f"checkpoint_{_EPOCHS:06d}", place / "detector")
    ]
    assert states[0]["epoch"] == states[1]["epoch"] == _EPOCHS
    for name, tensor in states[1]["ema"].items():
        torch.testing.assert_close(states[0]["ema"][name], tensor, rtol=1e-3, atol=1e-4, msg=name)


def test_an_old_run_of_another_schedule_is_refused_in_one_line(place: Path) -> None:
    refused = raypp("train", place / "veiled", "--out", place / "run", "--epochs", _EPOCHS + 1, *_RUN)
    assert refused.returncode != 0
    (line,) = refused.stderr.strip().splitlines()
    assert "was begun on other data, model or schedule" in line
