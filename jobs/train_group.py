"""Ray Train without processes that a training does not need: each takes two seconds of a CPU to start."""

import os
import threading
from typing import Any

import ray
from ray.train.v2._internal.callbacks import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.constants import ENABLE_PREEMPTION_WATCHER_ENV_VAR
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.worker_group.worker_group import WorkerGroup
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from jobs.cluster import is_local


class GroupTrainer(DataParallelTrainer):
    """Ray Train's trainer without what watches over data that there are not, or over a cluster that there is not.

    On a local Ray its processes have this one's environment, so workers that are idle are taken as they are. Ray Train
    would give them variables of their own, and start each anew.
    """

    def _create_default_callbacks(self) -> list[Any]:
        left_out: list[type] = [] if self.datasets else [DatasetsCallback]
        left_out += [PlacementGroupCleanerCallback] if is_local() else []
        callbacks: list[Any] = super()._create_default_callbacks()
        return [callback for callback in callbacks if not isinstance(callback, tuple(left_out))]

    def _initialize_and_run_controller(self, **arguments: Any) -> Any:
        if not is_local():
            return super()._initialize_and_run_controller(**arguments)
        controller: Any = ray.remote(num_cpus=0)(_LocalController).remote(**arguments)
        if threading.current_thread() is threading.main_thread():
            self._register_sigint_handler(controller)
        ray.get(controller.run.remote())
        return ray.get(controller.get_result.remote())


class _LocalWorkers(WorkerGroup):
    """Workers that have the environment of all of this Ray."""

    @staticmethod
    def _get_worker_runtime_env(custom_runtime_env: dict[str, Any]) -> dict[str, Any]:
        return custom_runtime_env


class _LocalController(TrainController):
    """A controller that expects nobody to take its only machine away."""

    worker_group_cls = _LocalWorkers

    def __init__(self, **arguments: Any) -> None:
        os.environ[ENABLE_PREEMPTION_WATCHER_ENV_VAR] = "0"
        super().__init__(**arguments)
