"""Run an approved research tool on Ray: in a sandbox of whichever node has room.

Example:
    ray job submit --working-dir . -- python -m jobs.run_tool tool-uses --for anna --policy policy.yaml
"""

import ray

from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from raypp.cli.tool_run import tool_run
from raypp.errors import RayppError
from raypp.execution import ExecutionSettings
from raypp.sandbox.run import SandboxOutcome
from raypp.toolbox.run import ToolTask, run_task


def tool_on_ray(task: ToolTask, execution: ExecutionSettings) -> SandboxOutcome:
    """Run a tool once, on a node that has bubblewrap and reaches the data; a run that is lost is not begun again.

    Raises:
        RayppError: if the node cannot isolate the tool, or is lost.
    """
    connect(execution.address)
    remote = ray.remote(run_task).options(num_cpus=execution.cpus or 1, max_retries=0)
    try:
        outcome: SandboxOutcome = ray.get(remote.remote(task))
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, RayppError):
            raise cause from None
        raise RayppError(f"the run failed on its node: {str(cause).strip().splitlines()[0]}") from None
    except ray.exceptions.RayError as error:
        raise RayppError(f"the run was lost with its worker: {str(error).strip().splitlines()[0]}") from None
    return outcome


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(tool_run, "tool", tool_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
