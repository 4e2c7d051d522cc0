"""Fitting a veil on Ray: two workers make one, and it veils and trains outside."""

import json
from pathlib import Path

import pytest
import torch

from raypp.detect.model import build_detector
from tests.command import succeed
from tests.videos import make_dataset

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]


def test_two_workers_fit_one_veil_on_which_a_detector_trains(tmp_path: Path) -> None:
    succeed("keygen", "--out", tmp_path / "owner.key")
    make_dataset(tmp_path / "tools", count=18)
    torch.save({"model": build_detector("yolov8p", ("hammer", "saw"), None)}, tmp_path / "public.pt")
    key, model = ("--key", tmp_path / "owner.key"), ("--model", "yolov8p", "--batch", 4)
    fitted, run = tmp_path / "fitted", tmp_path / "run"
    settings = ("--size", 64, "--epochs", 2, "--workers", 2, "--warm-up", 1, "--json", tmp_path / "fit.json")
    begun = (tmp_path / "tools", "--weights", tmp_path / "public.pt", *key, *model, *settings)
    done = succeed("fit", *begun, "--out", fitted)
    assert ".cc:" not in done.stderr, "Ray's own log is not the user's"
    summary = json.loads((tmp_path / "fit.json").read_text())
    assert summary["last"]["epoch"] == 2
    header, *epochs = (fitted / "results.csv").read_text().splitlines()
    assert "train/box_loss" in header
    assert "adversaries/detail" in header
    assert len(epochs) == 2
    assert list((fitted / "tensorboard").glob("events.*"))
    left = {path.relative_to(fitted).parts[0] for path in fitted.rglob("*")}
    assert left == {"encoder.veil", "start.model", "fit.json", "results.csv", "tensorboard"}, "no checkpoint of Ray's"
    assert not [path for path in (fitted, *fitted.rglob("*")) if path.stat().st_mode & 0o077]
    options = ("--spec", fitted / "encoder.veil", "--size", 64, "--on", "local")
    succeed("veil", tmp_path / "tools", *key, "--out", tmp_path / "veiled", *options)
    started = ("--weights", fitted / "start.model", "--epochs", 1, "--json", tmp_path / "train.json")
    succeed("train", tmp_path / "veiled", *model, "--out", run, *started)
    assert json.loads((tmp_path / "train.json").read_text())["veil_id"] == summary["veil_id"]
