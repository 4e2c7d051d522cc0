"""Veil an archive on Ray: batches of segments -> VeilActors -> shards and receipts.

Example:
    ray job submit --working-dir . -- python -m jobs.veil_archive /data --out /veiled --key /secrets/owner.key
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

from actors.job_metrics import ArchiveMetrics
from actors.veil_actor import VeilActor
from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from jobs.probe_sources import probe_on_ray
from jobs.worker_pool import WorkerPool
from raypp.cli.veil import veil
from raypp.execution import ExecutionSettings, provide
from raypp.ingest.attempts import Attempt
from raypp.ingest.batches import batch_to_row, batches, outcomes_of_row
from raypp.ingest.segment import Segment
from raypp.ingest.settings import VeilSettings
from raypp.ingest.weight import segment_seconds


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
    pool = WorkerPool(actor, arguments, execution.workers, execution.gpus or 0)
    work = batches(segments, expected_seconds, min(len(segments), pool.room()) or 1)
    with closing(ArchiveMetrics(len(segments))) as metrics:
        for outcomes in pool.map(map(batch_to_row, work)):
            for outcome in outcomes_of_row(outcomes):
                metrics.ended(outcome)
                yield outcome


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    provide("probe", probe_on_ray)
    run_job(veil, "veil", veil_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
