"""Evaluate a detector on Ray: groups of shards -> PredictActors -> scores and report here.

Example:
    ray job submit --working-dir . -- python -m jobs.evaluate_detector /veiled --model /run --report /report
"""

import json
import pickle
import re
from collections.abc import Iterator

import ray

from actors.predict_actor import PredictActor
from jobs.cluster import connect
from jobs.command import run_job
from jobs.shares import cpus_after_a_loss
from jobs.worker_pool import WorkerPool
from raypp.cli.evaluate import evaluate
from raypp.errors import ModelError
from raypp.evaluate.request import PredictedSample, PredictSettings
from raypp.evaluate.shard_groups import shard_groups
from raypp.execution import ExecutionSettings
from raypp.shards.encryption import DataKey
from raypp.shards.labels import read_labels
from raypp.shards.manifest import read_manifest
from raypp.shards.store import Store


def study_on_ray(settings: PredictSettings, execution: ExecutionSettings) -> Iterator[PredictedSample]:
    """Study every labelled frame of a split on a Ray cluster, each once, in any order.

    Raises:
        ShardError: if the archive cannot be read where it is needed.
        ModelError: if the detector cannot, or a worker fails.
    """
    connect(execution.address, pools=True)
    workers = execution.workers or 1
    there = ray.nodes()  # type: ignore[no-untyped-call]
    cpus = cpus_after_a_loss([float(node["Resources"].get("CPU", 0)) for node in there if node["Alive"]], workers)
    arguments = {"settings": settings.model_dump_json(), "threads": max(1, round(cpus))}
    pool = WorkerPool(PredictActor, arguments, workers, execution.gpus or 0, cpus)
    store = Store(settings.archive, DataKey.load(settings.data_key_path) if settings.data_key_path else None)
    wanted = read_labels(store, settings.labels_version).splits.get(settings.split, 0)
    groups = shard_groups(read_manifest(store).receipts, wanted, workers)
    try:
        for row in pool.map(json.dumps(shards).encode() for shards in groups):
            yield from pickle.loads(row)  # noqa: S301 - of our own actor
    except ray.exceptions.RayError as error:
        raise ModelError(f"evaluation stopped: {_root(str(error))}") from None


def _root(text: str) -> str:
    """Return why a worker failed, without the layers that Ray wraps it in: an error of ours, or the last line."""
    ours: list[str] = re.findall(r"raypp\.errors\.\w+: (.+)", text)
    return ours[-1] if ours else text.strip().splitlines()[-1]


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(evaluate, "evaluate", study_on_ray)


if __name__ == "__main__":
    main()
