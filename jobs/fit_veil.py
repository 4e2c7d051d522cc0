"""Fit a learned veil with Ray Train, on a cluster inside the perimeter: its workers read plain images.

The key stays with the process that asks: workers fit, and only what they leave is sealed under it.

Example:
    ray job submit --working-dir . -- python -m jobs.fit_veil /data/images --weights yolov8n.pt --out /data/fitted
"""

from pathlib import Path
from typing import Any

from ray import train as ray_train
from ray.train.torch import prepare_model

from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.team import root_cause, torch_backend, worker_context, worker_cpus, worker_environment, worker_threads
from jobs.train_group import GroupTrainer
from raypp.cli.fit import fit
from raypp.errors import ModelError
from raypp.execution import ExecutionSettings
from raypp.fit.checkpoints import RUNNING
from raypp.fit.settings import FitSettings
from raypp.fit.worker import fit_worker
from raypp.io.private import private_umask

_MOST_FAILURES = 3


def fit_on_ray(settings: FitSettings, out: Path, execution: ExecutionSettings) -> Path:
    """Fit on a Ray cluster; returns the folder of the last checkpoint.

    Raises:
        ModelError: if fitting failed more often than it may.
    """
    connect(execution.address)
    trainer = GroupTrainer(
        _fit_loop,
        train_loop_config={
            "settings": settings.model_dump_json(),
            "out": str(out),
            "threads": worker_threads(settings.workers),
        },
        backend_config=torch_backend(settings.workers, gpu=settings.gpu),
        scaling_config=ray_train.ScalingConfig(
            num_workers=settings.workers,
            use_gpu=settings.gpu,
            resources_per_worker={"CPU": worker_cpus(settings.workers)} | ({"GPU": 1} if settings.gpu else {}),
        ),
        run_config=ray_train.RunConfig(
            worker_runtime_env=worker_environment(),  # type: ignore[call-arg]  # ray.train.v2 takes it
            name=RUNNING,
            storage_path=str(out),
            failure_config=ray_train.FailureConfig(max_failures=_MOST_FAILURES),
            checkpoint_config=ray_train.CheckpointConfig(num_to_keep=1),
        ),
    )
    try:
        result = trainer.fit()
    except ray_train.TrainingFailedError as error:
        raise ModelError(f"fitting stopped: {root_cause(error)} (run it again to go on at the last epoch)") from None
    if result.checkpoint is None:
        raise ModelError(f"fitting left no checkpoint in {out}; see Ray's logs of the workers")
    return Path(result.checkpoint.path)


def _fit_loop(config: dict[str, Any]) -> None:
    checkpoint = ray_train.get_checkpoint()
    with private_umask():  # Ray copies checkpoints in this process
        fit_worker(
            FitSettings.model_validate_json(config["settings"]),
            Path(config["out"]),
            worker_context(prepare_model, config["threads"]),
            Path(checkpoint.path) if checkpoint else None,
        )


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(fit, "fit", fit_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
