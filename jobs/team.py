"""Workers of a training on Ray Train: what each has of the others, and what is said when one fails."""

import os
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import ray
import torch
from ray import train as ray_train
from ray.train.backend import BackendConfig
from ray.train.torch import get_device

from jobs.cluster import is_local
from jobs.shares import cpus_beside_readers
from raypp.train.worker_context import Item, WorkerContext


def worker_context(wrap: Callable[[Any], Any], threads: int) -> WorkerContext:
    """Return what this worker has of the others.

    Args:
        wrap: makes the network that averages gradients, where there are several workers.
        threads: of this worker, from `worker_threads`.
    """
    torch.set_num_threads(threads)
    context = ray_train.get_context()
    workers = context.get_world_size()
    return WorkerContext(
        rank=context.get_world_rank(),
        workers=workers,
        device=get_device(),
        wrap=wrap if workers > 1 else None,
        gather=_gather if workers > 1 else list,
        report=_report,
    )


def worker_environment() -> dict[str, Any]:
    """Ray's environment of the workers: their threads wait as this process's do.

    There Ray imports torch before any module of ours. A local Ray's workers have this process's environment.
    """
    return {} if is_local() else {"env_vars": {"OMP_WAIT_POLICY": os.environ["OMP_WAIT_POLICY"]}}


def torch_backend(workers: int, *, gpu: bool) -> BackendConfig:
    """Return what workers of a training share by torch: one alone has nobody to share with.

    Without it Ray's controller of the training imports no torch, which would take it seconds.
    """
    if workers == 1:
        return BackendConfig()
    from jobs.node_network import NodeTorchConfig  # noqa: PLC0415 - slow to import

    return NodeTorchConfig(backend="nccl" if gpu else "gloo")


def worker_cpus(workers: int) -> float:
    """CPUs of each worker on the connected Ray, beside what reads frames."""
    return cpus_beside_readers(_node_cpus(), workers)


def worker_threads(workers: int) -> int:
    """Threads of each worker: as many as its CPUs, for those that wait for a CPU that reads frames hold up all others.

    On one machine of two CPUs one worker takes both, unless OMP_NUM_THREADS is set: an epoch of the demo takes a
    quarter less so.
    """
    if (_node_cpus(), workers) == ([2], 1) and "OMP_NUM_THREADS" not in os.environ:
        return 2
    return max(1, int(worker_cpus(workers)))


def _node_cpus() -> list[float]:
    return [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def root_cause(error: BaseException) -> str:
    """Return why a worker failed, without the layers that Ray wraps it in: an error of ours, or the last line."""
    failures = getattr(error, "worker_failures", {}).values()
    text = "\n".join(str(getattr(failure, "_traceback_str", failure)) for failure in failures) or str(error)
    ours = re.findall(r"raypp\.errors\.\w+: (.+)", text)
    return str(ours[-1]) if ours else text.strip().splitlines()[-1]


def _report(metrics: dict[str, Any], folder: Path | None) -> None:
    ray_train.report(metrics, checkpoint=ray_train.Checkpoint.from_directory(str(folder)) if folder else None)


def _gather(mine: list[Item], /) -> list[Item]:
    everyone: list[list[Item]] = [[]] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(everyone, mine)
    return list(chain.from_iterable(everyone))
