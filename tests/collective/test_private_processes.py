"""Coordinator and sites with differential privacy, as processes: killed with -9, nothing is spent twice."""

import json
import time
from pathlib import Path

import pytest

from raypp.collective.noised_round import NOISED_FILE, NoisedRound
from raypp.detect.bundle_header import read_index
from tests.collective.running import Training, kill
from tests.command import raypp, succeed
from tests.videos import make_dataset

pytestmark = pytest.mark.slow
_DP = "rounds: 2\ndp: {unit: file, epsilon: 8, delta: 1.0e-5, units: 12, layers: [adapter, head-last]}\n"


def test_a_site_that_is_killed_goes_on_with_the_noise_that_it_had(tmp_path: Path) -> None:
    training = Training(tmp_path, 3, _DP).prepare()
    make_dataset(tmp_path / "tools", 18)
    archives = {name: tmp_path / f"{name}-veiled" for name in training.names}
    for name, archive in archives.items():
        key = tmp_path / f"{name}.key"
        succeed("veil", tmp_path / "tools", "--out", archive, "--key", key, "--size", 96, "--on", "local")
    budgets = {name: ("--budget", tmp_path / f"{name}.jsonl") for name in training.names}
    words = training.join_words("plant-1", archives["plant-1"])
    shown = succeed("collective", *words, *budgets["plant-1"], "--dry-run").stderr
    assert "privacy       of a file: epsilon 8 at delta 1e-05 in 2 noised rounds" in shown
    assert "the archive has 12 units" in shown
    coordinator = training.open()
    first = training.join("plant-1", archives["plant-1"], *budgets["plant-1"])
    _wait_for(tmp_path / "plant-1" / NOISED_FILE)
    kill(first)
    kept = NoisedRound.read(tmp_path / "plant-1")
    assert kept is not None
    assert kept.round == 1
    status = succeed("collective", "status", tmp_path / "plant-1").stderr
    assert "epsilon" in status
    processes = {name: training.join(name, archive, *budgets[name]) for name, archive in archives.items()}
    for name, process in processes.items():
        assert "collective.model" in training.end(process, name)
    assert coordinator.wait(60) == 0
    spent = [json.loads(line) for line in (tmp_path / "plant-1.jsonl").read_text().splitlines()]
    assert len(spent) == len({each["mark"] for each in spent}) == 2, "a line for each round, though it was killed"
    assert spent[0]["mark"] == kept.mark
    for folder in (tmp_path / "plant-1", training.coordinator):
        line = "privacy       of a file: epsilon 8 at delta 1e-05 in 2 noised rounds"
        assert line in succeed("collective", "status", folder).stderr
    model = tmp_path / "plant-1" / "collective.model"
    assert read_index(model).header.privacy.rounds == 2
    assert "privacy" in succeed("inspect", model).stdout
    succeed("evaluate", archives["plant-1"], "--model", model)
    other = succeed("collective", *words, "--out", tmp_path / "again", *budgets["plant-2"], "--dry-run").stderr
    assert "were used before" not in other, "that is the budget of other data"
    training.plan.write_text(training.plan.read_text().replace("epsilon: 8", "epsilon: 9"))
    tampered = raypp("collective", *words, *budgets["plant-1"])
    assert tampered.returncode == 1
    assert "let its owner read this one" in tampered.stderr


def _wait_for(path: Path, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, path
        time.sleep(0.02)
