"""A site that trains on Ray: rounds start from the common weights, and the last epoch is what counts."""

from pathlib import Path

import numpy as np
import pytest

from raypp.collective.local_training import LocalTraining, initial_model
from raypp.collective.plan import CollectivePlan
from raypp.collective.settings import JoinSettings
from raypp.execution import ExecutionSettings, On
from raypp.train.results import EpochResult, read_results
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.command import succeed
from tests.videos import make_dataset


@pytest.mark.filterwarnings("default::DeprecationWarning")
@pytest.mark.ray
@pytest.mark.slow
def test_rounds_on_ray_go_on_with_the_adapter_of_the_one_before(tmp_path: Path) -> None:
    key = VeilKey(bytes(range(32)))
    save_owner_key(key, tmp_path / "owner.key")
    make_dataset(tmp_path / "tools", 18)
    options = ("--size", 96, "--on", "local")
    succeed("veil", tmp_path / "tools", "--out", tmp_path / "veiled", "--key", tmp_path / "owner.key", *options)
    prints = {"plant-1": key.fingerprint} | {f"plant-{number}": f"{number:016x}" for number in (2, 3)}
    plan = CollectivePlan(
        name="t", sites=prints, classes=("hammer", "saw"), size=96, architecture="yolov8p", rounds=2, epochs=2,
        batch=4, nominal_batch=4,
    )  # fmt: skip
    settings = JoinSettings(
        archive=str(tmp_path / "veiled"), out=tmp_path / "run", execution=ExecutionSettings(on=On.RAY)
    )
    training = LocalTraining.open(plan, settings)
    common = training.layers.read(initial_model(plan).state_dict())
    for number in (1, 2):
        update = training.train_round(number, common)  # in the main thread, as a site does
        assert np.isfinite(update).all()
        assert np.abs(update).max() > 0
        common = common + update
        run = tmp_path / "run" / "rounds" / f"{number:05d}" / "run"
        assert [result.epoch for result in read_results(run, EpochResult)] == [1, 2]
    assert not (tmp_path / "run" / "rounds" / "00001").exists(), "only the last round is kept"
    assert training.write_model(common).stat().st_size > 4 * training.layers.size
