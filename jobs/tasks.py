"""Independent tasks on Ray: as many at once as there is room for, and one that fails harms no other."""

from collections.abc import Callable, Iterator, Mapping

import ray

from raypp.execution import ExecutionSettings


def each_on_ray(
    run: Callable[[str], str], tasks: Mapping[str, str], execution: ExecutionSettings, failed: list[str]
) -> Iterator[str]:
    """Run a function on each task; yields what it returns, as it is done.

    Args:
        run: given a task as JSON.
        tasks: by what each is called.
        execution: CPUs and GPUs of each.
        failed: takes one line for each task that failed.
    """
    remote = ray.remote(run).options(num_cpus=execution.cpus or 1, num_gpus=execution.gpus or 0, max_retries=3)
    pending = {remote.remote(task): name for name, task in tasks.items()}
    while pending:
        (done,), _ = ray.wait(list(pending), num_returns=1)
        name = pending.pop(done)
        try:
            yield ray.get(done)
        except ray.exceptions.RayError as error:
            failed.append(f"{name}: {str(error).strip().splitlines()[-1]}")
