"""Verify an archive on Ray: each shard checked where there is room, all of them held against one another here.

Example:
    ray job submit --working-dir . -- python -m jobs.verify_archive /veiled
"""

from collections.abc import Iterator, Sequence

from actors.check_actor import CHECK, CheckActor
from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.worker_pool import WorkerPool
from raypp.cli.verify import verify
from raypp.execution import ExecutionSettings
from raypp.key_sources.place import KeyPlace
from raypp.shards.receipt import Receipt
from raypp.shards.verification import ShardCheck


def check_on_ray(
    root: str, receipts: Sequence[Receipt], data_key: KeyPlace | None, execution: ExecutionSettings
) -> Iterator[ShardCheck]:
    """Check the shards of receipts on a Ray cluster, in any order.

    Raises:
        ShardError: if a worker cannot open the archive.
    """
    if not receipts:
        return
    connect(execution.address, pools=True)
    pool = WorkerPool(CheckActor, {"root": root, "data_key": data_key}, execution.workers, execution.gpus or 0)
    for row in pool.map(receipt.to_bytes() for receipt in receipts):
        yield CHECK.validate_json(row)


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(verify, "verify", check_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
