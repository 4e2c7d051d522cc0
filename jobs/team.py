"""Workers of a training on Ray Train: what each has of the others, and what is said when one fails."""

import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import ray
import torch
from ray import train as ray_train
from ray.train.torch import get_device

from raypp.detect.evaluation import SampleMatches
from raypp.detect.worker import Team


def team_of_worker(wrap: Callable[[Any], Any]) -> Team:
    """Return what this worker has of the others; its threads are as many as the CPUs that it was given.

    Threads that wait for a CPU that reads frames would hold up all others.

    Args:
        wrap: makes the network that averages gradients, where there are several workers.
    """
    assigned: dict[str, float] = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
    torch.set_num_threads(max(1, int(assigned.get("CPU", 1))))
    context = ray_train.get_context()
    workers = context.get_world_size()
    return Team(
        rank=context.get_world_rank(),
        workers=workers,
        device=get_device(),
        wrap=wrap if workers > 1 else None,
        gather=_gather if workers > 1 else list,
        report=_report,
    )


def worker_cpus(workers: int) -> float:
    """CPUs of each worker: all but one, which reads frames."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(0.5, int(resources.get("CPU", 1) - 1) / workers)


def root_cause(error: BaseException) -> str:
    """What went wrong in a worker, without the layers that Ray wraps it in: an error of ours, or the last line."""
    failures = getattr(error, "worker_failures", {}).values()
    text = "\n".join(str(getattr(failure, "_traceback_str", failure)) for failure in failures) or str(error)
    ours = re.findall(r"raypp\.errors\.\w+: (.+)", text)
    return str(ours[-1]) if ours else text.strip().splitlines()[-1]


def _report(metrics: dict[str, Any], folder: Path | None) -> None:
    ray_train.report(metrics, checkpoint=ray_train.Checkpoint.from_directory(str(folder)) if folder else None)


def _gather(matches: list[SampleMatches]) -> list[SampleMatches]:
    everyone: list[list[SampleMatches]] = [[]] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(everyone, matches)
    return list(chain.from_iterable(everyone))
