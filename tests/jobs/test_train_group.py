"""Trainings on Ray have the processes they need: a reader of data if they share some, a watcher of a real cluster."""

from pathlib import Path

import pytest

ray_train = pytest.importorskip("ray.train")

from jobs.team import torch_backend  # noqa: E402 - needs Ray
from jobs.train_group import GroupTrainer  # noqa: E402


def _callbacks(folder: Path, **data: object) -> set[str]:
    trainer = GroupTrainer(
        print,
        backend_config=torch_backend(1, gpu=False),
        scaling_config=ray_train.ScalingConfig(num_workers=1),
        run_config=ray_train.RunConfig(name="run", storage_path=str(folder)),
        **data,  # type: ignore[arg-type]
    )
    return {type(callback).__name__ for callback in trainer._create_default_callbacks()}


def test_a_training_that_shares_no_data_has_no_manager_of_it(tmp_path: Path) -> None:
    assert "DatasetsCallback" not in _callbacks(tmp_path)
    assert "DatasetsCallback" in _callbacks(tmp_path, datasets={"train": list})


def test_what_cleans_up_behind_a_dead_controller_stays_on_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "PlacementGroupCleanerCallback" in _callbacks(tmp_path)
    monkeypatch.setattr("jobs.train_group.is_local", lambda: True)
    assert "PlacementGroupCleanerCallback" not in _callbacks(tmp_path)


def test_workers_share_gradients_by_torch_and_one_alone_does_not() -> None:
    assert type(torch_backend(1, gpu=False)).__name__ == "BackendConfig"
    assert [torch_backend(2, gpu=gpu).to_dict()["backend"] for gpu in (False, True)] == ["gloo", "nccl"]
