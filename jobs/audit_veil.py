"""Attack a veil on a Ray cluster inside the perimeter: each attack on each target is one task.

Example:
    ray job submit --working-dir . -- python -m jobs.audit_veil /data/videos --key /keys/owner.key --out /data/audit
"""

from collections.abc import Iterator, Sequence

from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.tasks import each_on_ray
from raypp.audit.tasks import AttackTask, run_attack
from raypp.cli.audit import audit
from raypp.errors import RayppError
from raypp.execution import ExecutionSettings


def attacks_on_ray(tasks: Sequence[AttackTask], execution: ExecutionSettings) -> Iterator[str]:
    """Make attacks on a Ray cluster, as many at once as there is room for; yields each as its row is written.

    Raises:
        RayppError: if an attack failed; the others' rows are kept.
    """
    connect(execution.address)
    failed: list[str] = []
    named = {f"{task.attack.name} on {task.target}": task.model_dump_json() for task in tasks}
    yield from each_on_ray(_run, named, execution, failed)
    if failed:
        raise RayppError(f"{len(failed)} attacks failed, the first {failed[0]}; run again to make what has no row")


def _run(task: str) -> str:
    return run_attack(AttackTask.model_validate_json(task))


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(audit, "audit", attacks_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
