"""`raypp fit` as its users meet it: a stopped fit goes on, and what it leaves veils and starts a training."""

import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from raypp.detect.model import build_detector
from raypp.errors import ConflictError, OptionError
from raypp.fit import command
from raypp.fit.command import run_fit
from raypp.fit.results import read_epochs
from raypp.fit.settings import FitSettings
from raypp.utility.rows import read_rows
from tests.command import raypp, succeed
from tests.films import make_dataset

_CONSOLE = Console(quiet=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    succeed("keygen", "--out", place / "owner.key")
    make_dataset(place / "tools", count=18)
    torch.manual_seed(0)
    torch.save({"model": build_detector("yolov8p", ("hammer", "saw"), None)}, place / "public.pt")
    return place


def _settings(place: Path, **changed: object) -> FitSettings:
    asked = FitSettings(
        data=str(place / "tools"),
        weights=place / "public.pt",
        architecture="yolov8p",
        size=64,
        epochs=3,
        batch=4,
        channels=6,
        restart=1,
        warm_up=1,
    )
    return asked.model_copy(update=changed)


def test_a_stopped_fit_goes_on_to_where_it_would_have_come(place, monkeypatch):
    settings, key = _settings(place), place / "owner.key"
    whole = run_fit(settings, place / "whole", key, None, None, _CONSOLE)
    recorded = command.epoch_line

    def stopped(epoch, *rest):
        if epoch.epoch == 2:
            raise KeyboardInterrupt
        return recorded(epoch, *rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(command, "epoch_line", stopped)
        run_fit(settings, place / "stopped", key, None, None, _CONSOLE)
    assert [one.epoch for one in read_epochs(place / "stopped")] == [1]
    went_on = run_fit(settings, place / "stopped", key, None, None, _CONSOLE)
    assert [one.epoch for one in read_epochs(place / "stopped")] == [1, 2, 3]
    assert went_on.last.box_loss == pytest.approx(whole.last.box_loss, rel=0.02)
    assert went_on.last.detail == pytest.approx(whole.last.detail, abs=0.02)
    with pytest.raises(ConflictError, match="was begun with other settings"):
        run_fit(_settings(place, hide=1.0), place / "stopped", key, None, None, _CONSOLE)


def test_what_a_fit_leaves_is_compared_with_plain(place):
    options = ("--model", "yolov8p", "--size", 64, "--epochs", 1, "--batch", 4, "--here")
    fitted, weights = place / "fitted", ("--weights", place / "public.pt")
    key = ("--key", place / "owner.key")
    succeed(
        "fit", place / "tools", *weights, *key, "--out", fitted, *options, "--warm-up", 1, "--json", place / "fit.json"
    )
    told = json.loads((place / "fit.json").read_text())
    assert told["spec"]["family"] == "learned"
    assert told["last"]["epoch"] == 1
    arms = ("--arm", "plain", "--arm", f"learned={fitted}", "--arm", f"anew={fitted / 'encoder.veil'}")
    chosen = ("--wrong-keys", 1, "--replicates", 20)
    succeed("compare", place / "tools", *weights, *key, "--out", place / "cost", *options, *arms, *chosen)
    rows = {row.arm.name: row for row in read_rows(place / "cost").values()}
    assert rows["learned"].veil is not None
    assert rows["learned"].veil.veil_id == told["veil_id"]
    assert len({row.row_id.rpartition("-")[2] for row in rows.values()}) == 3
    assert str(rows["learned"].arm.start) == "start.model"
    assert rows["anew"].arm.start is None
    assert len(rows["learned"].wrong_key_map50) == 1


def test_a_model_of_another_veil_starts_no_training(place, tmp_path):
    fitted = place / "whole" / "start.model"
    veiled = ("--key", place / "owner.key", "--size", 64, "--workers", 0)
    succeed("veil", place / "tools", "--out", tmp_path / "veiled", *veiled)
    options = ("--model", "yolov8p", "--epochs", 1, "--batch", 4)
    done = raypp("train", tmp_path / "veiled", "--out", tmp_path / "run", "--weights", fitted, *options)
    assert done.returncode
    assert "start from the model of theirs" in done.stderr


def test_workers_need_ray(place):
    with pytest.raises(OptionError, match="--workers 2 fit on Ray"):
        run_fit(_settings(place, workers=2), place / "none", place / "owner.key", None, None, _CONSOLE)
