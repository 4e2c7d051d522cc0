"""Compare veils with plain pictures on a Ray cluster inside the perimeter: each arm is one task.

Example:
    ray job submit --working-dir . -- python -m jobs.compare_utility /data/pictures --out /data/cost --gpus 1
"""

import os
from collections.abc import Iterator, Sequence

import ray

from jobs.cluster import connect, refuse_key_in_working_dir
from raypp.cli import run_command
from raypp.errors import ModelError
from raypp.utility.command import make_compare_command
from raypp.utility.comparison import ArmTask, run_task


def arms_on_ray(tasks: Sequence[ArmTask], address: str | None, cpus: float, gpus: float) -> Iterator[str]:
    """Run arms on a Ray cluster, as many at once as there is room for; yields each row_id as its row is written.

    Raises:
        ModelError: if an arm failed; the others' rows are kept.
    """
    connect(address)
    run = ray.remote(_run).options(num_cpus=cpus, num_gpus=gpus, max_retries=3)
    pending = {run.remote(task.model_dump_json()): task for task in tasks}
    failed: list[str] = []
    while pending:
        (done,), _ = ray.wait(list(pending), num_returns=1)
        task = pending.pop(done)
        try:
            yield ray.get(done)
        except ray.exceptions.RayError as error:
            failed.append(f"{task.row_id}: {str(error).strip().splitlines()[-1]}")
    if failed:
        raise ModelError(f"{len(failed)} arms failed, the first {failed[0]}; run again to train what has no row")


def _run(task: str) -> str:
    import torch  # noqa: PLC0415 - where the arm runs

    assigned: dict[str, float] = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
    torch.set_num_threads(max(1, int(assigned.get("CPU", os.cpu_count() or 1))))
    asked = ArmTask.model_validate_json(task)
    return run_task(asked, lambda epoch, epochs, said: print(f"{asked.row_id} epoch {epoch}/{epochs} {said}"))


compare = make_compare_command(arms_on_ray)
"""The `raypp compare` command."""


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_command(compare, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
