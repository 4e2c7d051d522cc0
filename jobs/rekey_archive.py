"""Put a veil under another key on Ray: segments -> RekeyActors -> shards and receipts.

Example:
    ray job submit --working-dir . -- python -m jobs.rekey_archive --from /secrets/old.key --to /secrets/new.key \
        --encoder /secrets/encoder.veil --out /secrets/rekeyed --archive /veiled --archive-out /handover/veiled
"""

from collections.abc import Iterator

from actors.rekey_actor import RekeyActor
from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.worker_pool import WorkerPool
from raypp.cli.rekey import rekey
from raypp.execution import ExecutionSettings
from raypp.rekey.segment import RekeyedSegment
from raypp.rekey.settings import ArchiveRekeying
from raypp.shards.receipt import Receipt


def rekey_on_ray(
    segments: Iterator[RekeyedSegment], settings: ArchiveRekeying, execution: ExecutionSettings
) -> Iterator[Receipt]:
    """Translate segments on a Ray cluster; yields each receipt once it and its shard are written."""
    connect(execution.address, pools=True)
    pool = WorkerPool(RekeyActor, {"settings": settings.model_dump_json()}, execution.workers, 0)
    for row in pool.map(segment.model_dump_json().encode() for segment in segments):
        yield Receipt.from_bytes(row, "receipt")


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(rekey, "rekey", rekey_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
