"""Veil an archive on Ray: batches of segments -> VeilActor -> shards and receipts.

Example:
    ray job submit --working-dir . -- python -m jobs.veil_archive /data --out /veiled --key /secrets/owner.key
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import ray
from ray.data import ActorPoolStrategy, DataContext

from actors.veil_actor import VeilActor
from jobs.batch_source import BatchDatasource
from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.probe_sources import probe_on_ray
from raypp.cli.veil import veil
from raypp.execution import ExecutionSettings, provide
from raypp.ingest.attempts import Attempt
from raypp.ingest.batches import batches, outcomes_of_row
from raypp.ingest.segment import Segment
from raypp.ingest.settings import VeilSettings
from raypp.ingest.weight import segment_seconds

# An actor that needs a whole CPU each would leave none for the read tasks that feed it.
_ACTOR_CPUS = 0.9
_READ_CPUS = 0.02
_AHEAD = 2
"""Batches that an actor has at a time: the one it works on, and the next."""


def veil_on_ray(segments: Sequence[Segment], settings: VeilSettings, execution: ExecutionSettings) -> Iterator[Attempt]:
    """Veil segments on a Ray cluster; yields each outcome once its shard and receipt are written."""
    connect(execution.address, pools=True)
    seconds = partial(segment_seconds, settings=settings)
    return hand_out(segments, seconds, VeilActor, {"settings": settings.model_dump_json()}, execution)


def hand_out(
    segments: Sequence[Segment],
    expected_seconds: Callable[[Segment], float],
    actor: type,
    arguments: Mapping[str, str],
    execution: ExecutionSettings,
) -> Iterator[Attempt]:
    """Hand segments to actors of the connected Ray, in batches; yields their outcomes as they come.

    Args:
        segments: the work.
        expected_seconds: about how long one core takes for a segment.
        actor: maps batches to outcomes, as `VeilActor` does.
        arguments: of the actor's constructor.
        execution: how many actors there are, and their GPUs.
    """
    workers = _pool_size(len(segments), execution)
    source = BatchDatasource(batches(segments, expected_seconds, workers))
    context = DataContext.get_current().copy()
    context.target_max_block_size = 1  # a batch is a block of its own, so that any actor may take it
    with DataContext.current(context):
        outcomes = ray.data.read_datasource(
            source,
            override_num_blocks=source.tasks,
            num_cpus=_READ_CPUS,
            concurrency=1,  # a read only hands on batches; more at once would start a worker process each
        ).map_batches(
            actor,
            fn_constructor_kwargs=dict(arguments),
            batch_size=1,
            compute=ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=_AHEAD),
            num_cpus=_ACTOR_CPUS,
            num_gpus=execution.gpus or None,
        )
    for row in outcomes.iter_rows():
        yield from outcomes_of_row(row["outcomes"])


def _pool_size(segments: int, execution: ExecutionSettings) -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = int(resources.get("GPU", 0) / execution.gpus) if execution.gpus else int(resources.get("CPU", 1))
    return max(1, min(segments, room, execution.workers or room))


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    provide("probe", probe_on_ray)
    run_job(veil, "veil", veil_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
