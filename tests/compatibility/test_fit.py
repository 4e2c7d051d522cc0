"""A fit and an arm of a comparison that raypp 0.1.0 was killed at, after two of three epochs, go on as they would have.

`fitting/` holds what commit 2e2db3b left, packed, the images it read, and what that commit itself came to when it went
on. The weights of both states are rounded to three values a tensor, so that they pack small.
"""

import csv
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

from raypp.compare.rows import read_arm_rows
from raypp.detect.model import build_detector
from raypp.detect.training_state import STATE_VERSION, read_state
from tests.command import succeed

_KEPT = Path(__file__).parent / "fitting"
_MODEL = ("--model", "yolov8p", "--size", 64, "--epochs", 3, "--batch", 2)
_ARM = "plain-s0-4804ac49"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything unpacked; the fit's settings name the data where they are now."""
    folder = tmp_path_factory.mktemp("old")
    for path in _KEPT.glob("*.tar.xz"):
        with tarfile.open(path) as packed:
            packed.extractall(folder, filter="data")
    torch.manual_seed(0)
    torch.save({"model": build_detector("yolov8p", ("hammer", "saw"), None)}, folder / "public.pt")
    settings = folder / "fit" / "fit.json"
    settings.write_text(settings.read_text().replace("/srv/plant", str(folder)))
    succeed("keygen", "--out", folder / "owner.key")
    return folder


@pytest.fixture(scope="module")
def ended() -> dict[str, Any]:
    return json.loads((_KEPT / "ended.json").read_text())


def _files(place: Path, out: str) -> tuple[object, ...]:
    key = ("--key", place / "owner.key", "--weights", place / "public.pt")
    return (place / "tools", "--out", place / out, *key, *_MODEL)


def _check_weights(folder: Path, sums: dict[str, list[float]]) -> None:
    """Compare averaged weights by their sums and those of their sizes; the state is of today's version."""
    weights = read_state(folder).ema
    assert len(sums) > 100
    for name, (total, size) in sums.items():
        tensor = weights[name].double()
        assert float(tensor.abs().sum()) == pytest.approx(size, rel=1e-3, abs=1e-4), name
        assert float(tensor.sum()) == pytest.approx(total, abs=1e-3 * size + 1e-4), name
    assert torch.load(folder / "state.pt", weights_only=True)["version"] == STATE_VERSION


def test_what_is_kept_is_small() -> None:
    assert {path.name for path in _KEPT.iterdir() if path.stat().st_size > 300_000} == set()


def test_an_old_fit_goes_on_to_what_it_would_have_come_to(place: Path, ended: dict[str, Any]) -> None:
    fit = place / "fit"
    assert read_state(fit / "running").epoch == 2
    before = (fit / "results.csv").read_text()
    options = ("--channels", 6, "--warm-up", 1, "--adversary", "field", "--keep-checkpoints", "--on", "local")
    succeed("fit", *_files(place, "fit"), *options)
    assert (fit / "results.csv").read_text().startswith(before)
    with (fit / "results.csv").open(newline="") as file:
        *_, last = csv.DictReader(file)
    assert {name: float(last[name]) for name in ended["last"]} == pytest.approx(ended["last"], rel=1e-3, abs=1e-6)
    _check_weights(fit / "running", ended["fit"])


def test_an_old_arm_goes_on_to_what_it_would_have_come_to(place: Path, ended: dict[str, Any]) -> None:
    folder = place / "cost" / "running" / _ARM
    seconds = read_state(folder).extra["seconds"]
    assert len(seconds) == 2
    succeed("compare", *_files(place, "cost"), "--arm", "plain", "--replicates", 20, "--on", "local")
    assert set(read_arm_rows(place / "cost")) == {_ARM}
    _check_weights(folder, ended["arm"])
    state = read_state(folder)
    assert state.extra["seconds"][:2] == seconds
    assert [epoch for epoch, _, _ in state.extra["curve"]] == [1, 2, 3]
