"""A run's epochs in MLflow, for teams that keep their experiments there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raypp.detect.model_info import ModelInfo
from raypp.errors import OptionError
from raypp.text.address import redacted
from raypp.train.results import EpochResult

_RUN_FILE = "mlflow-run"
_EXPERIMENT = "raypp"


class MlflowRun:
    """One training as a run of MLflow; a training that goes on, goes on in the same run.

    Args:
        uri: tracking server, or a folder as file:/path.
        out: folder of the training; its name becomes the run's.
        info: what the training is on: parameters and tags of the run.

    Raises:
        OptionError: if MLflow is not installed, or does not answer at the address.
    """

    def __init__(self, uri: str, out: Path, info: ModelInfo) -> None:
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # all that the small package can write itself
        try:
            from mlflow import MlflowClient  # noqa: PLC0415 - an extra
            from mlflow.exceptions import MlflowException  # noqa: PLC0415
        except ModuleNotFoundError:
            raise OptionError("`mlflow` needs MLflow; install raypp[mlflow]") from None
        self._failure = MlflowException
        try:
            self._client: Any = MlflowClient(tracking_uri=uri)
            self._run_id = self._begun(out) or self._begin(out, info)
        except MlflowException as error:
            reason = str(error).splitlines()[0]
            raise OptionError(
                f"`mlflow` {uri} cannot be used ({reason}); give a tracking server or file:/folder"
            ) from None

    def log(self, result: EpochResult) -> str | None:
        """Log the figures of an epoch, under their names in `EpochResult`; returns why not, if the server is gone."""
        figures = result.model_dump(exclude={"epoch"})
        return self._tried(
            lambda: [self._client.log_metric(self._run_id, *figure, step=result.epoch) for figure in figures.items()]
        )

    def finish(self) -> str | None:
        """Mark the run as finished; returns why not, if the server is gone."""
        return self._tried(lambda: self._client.set_terminated(self._run_id))

    def _tried(self, call: Callable[[], Any]) -> str | None:
        """Call the server; a training of hours does not end because it does not answer."""
        try:
            call()
        except self._failure as error:
            return redacted(str(error).splitlines()[0])
        return None

    def _begun(self, out: Path) -> str | None:
        """The run that this training began earlier, if the server still has it."""
        path = out / _RUN_FILE
        if not path.exists():
            return None
        return str(self._client.get_run(path.read_text().strip()).info.run_id)

    def _begin(self, out: Path, info: ModelInfo) -> str:
        experiment = self._client.get_experiment_by_name(_EXPERIMENT)
        experiment_id = experiment.experiment_id if experiment else self._client.create_experiment(_EXPERIMENT)
        tags = {"veil_id": info.veil_id, "dataset_version": info.dataset_version}
        run_id = str(self._client.create_run(experiment_id, tags=tags, run_name=out.name).info.run_id)
        parameters = {"architecture": info.architecture, "size": info.size, **info.schedule.model_dump()}
        for name, value in parameters.items():
            self._client.log_param(run_id, name, value)
        (out / _RUN_FILE).write_text(run_id + "\n")
        return run_id
