"""Forget frames of an archive on Ray: segments -> RewriteActors -> shards and receipts.

Example:
    ray job submit --working-dir . -- python -m jobs.forget_frames /veiled --key /secrets/owner.key --camera gate
"""

from collections.abc import Iterator, Sequence

from actors.rewrite_actor import RewriteActor
from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.worker_pool import WorkerPool
from raypp.cli.forget_archive import forget_archive
from raypp.execution import ExecutionSettings
from raypp.forget.worker import RewriteSettings, SegmentRewrite
from raypp.shards.receipt import Receipt


def forget_on_ray(
    segments: Sequence[SegmentRewrite], settings: RewriteSettings, execution: ExecutionSettings
) -> Iterator[Receipt]:
    """Write segments anew on a Ray cluster; yields each receipt once it and its shard are written."""
    connect(execution.address, pools=True)
    pool = WorkerPool(RewriteActor, {"settings": settings.model_dump_json()}, execution.workers, 0)
    for row in pool.map(segment.model_dump_json().encode() for segment in segments):
        yield Receipt.from_bytes(row, "receipt")


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(forget_archive, "forget", forget_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
