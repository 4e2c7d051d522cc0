"""Epochs in MLflow: a real store, gone on with after a stop."""

from pathlib import Path

import pytest

from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.errors import OptionError
from raypp.train.mlflow import MlflowRun
from raypp.train.results import EpochResult
from raypp.train.settings import TrainSettings

_INFO = ModelInfo(
    architecture="yolov8p",
    classes=("hammer",),
    channels=4,
    bits=2,
    patch=8,
    size=96,
    veil_id="ab" * 16,
    dataset_version="cd" * 16,
    labels_version="v1",
    schedule=TrainingSchedule(epochs=3, batch=4, steps=2),
)


def _result(epoch: int) -> EpochResult:
    figures = dict.fromkeys(EpochResult.model_fields, 0.5)
    return EpochResult(**figures | {"epoch": epoch, "map50": epoch / 10})


def test_a_run_that_goes_on_is_one_run(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="install raypp[mlflow]")
    uri = f"file:{tmp_path}/store"
    run = MlflowRun(uri, tmp_path, _INFO)
    assert run.log(_result(1)) is None
    again = MlflowRun(uri, tmp_path, _INFO)
    for epoch in (2, 3):
        assert again.log(_result(epoch)) is None
    assert again.finish() is None
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("raypp")
    (run_found,) = client.search_runs([experiment.experiment_id])
    assert run_found.info.status == "FINISHED"
    assert run_found.data.tags["veil_id"] == "ab" * 16
    assert run_found.data.params["epochs"] == "3"
    history = client.get_metric_history(run_found.info.run_id, "map50")
    assert [(point.step, point.value) for point in history] == [(1, 0.1), (2, 0.2), (3, 0.3)]


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="install raypp[mlflow]")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    with pytest.raises(OptionError, match=r"127\.0\.0\.1:9"):
        MlflowRun("http://127.0.0.1:9", tmp_path, _INFO)


def test_no_password_of_a_server_is_told_when_it_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="install raypp[mlflow]")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    run = MlflowRun(f"file:{tmp_path}/store", tmp_path, _INFO)
    run._client = mlflow.MlflowClient(tracking_uri="http://admin:pa@ssw0rd@127.0.0.1:9")
    problem = run.log(_result(1))
    assert problem is not None
    assert "127.0.0.1:9" in problem
    assert "ssw0rd" not in problem


def test_no_text_of_settings_and_nothing_for_workers_holds_the_servers_password(tmp_path: Path) -> None:
    settings = TrainSettings(archive="veiled", out=tmp_path, mlflow="http://admin:pa@ssw0rd@127.0.0.1:9")
    assert settings.mlflow == "http://admin:pa@ssw0rd@127.0.0.1:9"
    for text in (settings.model_dump_json(), str(settings.model_dump()), repr(settings), str(settings)):
        assert "ssw0rd" not in text
