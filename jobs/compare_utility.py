"""Compare veils with plain images on a Ray cluster inside the perimeter: each arm is one task.

Example:
    ray job submit --working-dir . -- python -m jobs.compare_utility /data/images --out /data/cost --gpus 1
"""

import os
from collections.abc import Iterator, Sequence

import ray

from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.tasks import each_on_ray
from raypp.cli.compare import compare_command
from raypp.compare.comparison import ArmTask
from raypp.compare.task import run_arm_task
from raypp.errors import ModelError
from raypp.execution import ExecutionSettings


def arms_on_ray(tasks: Sequence[ArmTask], execution: ExecutionSettings) -> Iterator[str]:
    """Run arms on a Ray cluster, as many at once as there is room for; yields each row_id as its row is written.

    Raises:
        ModelError: if an arm failed; the others' rows are kept.
    """
    connect(execution.address)
    failed: list[str] = []
    yield from each_on_ray(_run, {task.row_id: task.model_dump_json() for task in tasks}, execution, failed)
    if failed:
        raise ModelError(f"{len(failed)} arms failed, the first {failed[0]}; run again to train what has no row")


def _run(task: str) -> str:
    import torch  # noqa: PLC0415 - where the arm runs

    assigned: dict[str, float] = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
    torch.set_num_threads(max(1, int(assigned.get("CPU", os.cpu_count() or 1))))
    arm_task = ArmTask.model_validate_json(task)
    return run_arm_task(arm_task, lambda epoch, epochs, line: print(f"{arm_task.row_id} epoch {epoch}/{epochs} {line}"))


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(compare_command, "compare", arms_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
