"""Veil an archive on Ray: segments -> VeilActor -> shards and receipts.

Example:
    ray job submit --working-dir . -- python -m jobs.veil_archive /data --out /veiled --key /secrets/owner.key
"""

from collections.abc import Iterator, Sequence

import ray
from pydantic import TypeAdapter
from ray.data import ActorPoolStrategy

from actors.veil_actor import VeilActor
from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.segment_source import SegmentDatasource
from raypp.cli.veil import veil
from raypp.execution import ExecutionSettings
from raypp.ingest.attempts import Attempt
from raypp.ingest.segment import Segment
from raypp.ingest.settings import VeilSettings

# An actor that needs a whole CPU each would leave none for the read tasks that feed it.
_ACTOR_CPUS = 0.9
_READ_CPUS = 0.02
_OUTCOME: TypeAdapter[Attempt] = TypeAdapter(Attempt)


def veil_on_ray(segments: Sequence[Segment], settings: VeilSettings, execution: ExecutionSettings) -> Iterator[Attempt]:
    """Veil segments on a Ray cluster; yields each outcome once its shard and receipt are written."""
    connect(execution.address, pools=True)
    veiled = ray.data.read_datasource(
        SegmentDatasource(segments),
        override_num_blocks=len(segments),
        num_cpus=_READ_CPUS,
        concurrency=1,  # a read only hands on a segment; more at once would start a worker process each
    ).map_batches(
        VeilActor,
        fn_constructor_kwargs={"settings": settings.model_dump_json()},
        batch_size=1,
        compute=ActorPoolStrategy(size=_pool_size(len(segments), execution)),
        num_cpus=_ACTOR_CPUS,
        num_gpus=execution.gpus or None,
    )
    for row in veiled.iter_rows():
        yield _OUTCOME.validate_json(row["outcome"])


def _pool_size(segments: int, execution: ExecutionSettings) -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = int(resources.get("GPU", 0) / execution.gpus) if execution.gpus else int(resources.get("CPU", 1))
    return max(1, min(segments, room, execution.workers or room))


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(veil, "veil", veil_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
