"""Train a detector on a veiled archive with Ray Train; needs shards and labels, and no key.

Example:
    ray job submit --working-dir . -- python -m jobs.train_detector /data/veiled --out /data/run --weights yolov8n.pt
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray import train as ray_train
from ray.data import DataContext
from ray.data.expressions import col
from ray.train.torch import prepare_model

from actors.job_metrics import TrainingMetrics
from jobs.cluster import connect
from jobs.command import run_job
from jobs.shard_source import read_archive
from jobs.team import root_cause, torch_backend, worker_context, worker_cpus, worker_environment, worker_threads
from jobs.train_group import GroupTrainer
from raypp.cli.train import train
from raypp.detect.inputs.batch import COLUMNS, DetectionBatch, batch_of_rows, batches_of_epoch
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.rows import SHUFFLED_ROWS, VAL_ROWS
from raypp.detect.inputs.variants import VARIANT_COLUMNS
from raypp.detect.model_info import ModelInfo
from raypp.errors import ModelError, ShardError
from raypp.execution import ExecutionSettings
from raypp.text.split_names import TRAIN, VAL
from raypp.train.settings import TrainSettings

_MOST_FAILURES = 3
_HELD_SHARE = 0.2
"""Part of the cluster's object store that each split may be held in."""


def train_on_ray(
    settings: TrainSettings, info: ModelInfo, dataset: VeiledDataset, execution: ExecutionSettings
) -> Path:
    """Train on a Ray cluster; returns the folder of the checkpoint with the best mAP50-95.

    Raises:
        ModelError: if training failed more often than it may.
    """
    connect(execution.address)
    judged_by = "epoch" if settings.part else "map50_95"
    DataContext.get_current().execution_options.preserve_order = True
    frames = read_archive(
        settings.archive, dataset.labels_version, (*COLUMNS, *VARIANT_COLUMNS), settings.data_key_path
    )
    parts = _splits(frames, dataset)
    alone = settings.workers == 1  # it iterates over its frames itself: nobody splits them
    trainer = GroupTrainer(
        _train_loop,
        train_loop_config={
            "settings": settings.model_dump_json(),
            "info": info.model_dump_json(),
            "threads": worker_threads(settings.workers),
            "frames": {split: part.iterator() for split, part in parts.items()} if alone else {},
        },
        backend_config=torch_backend(settings.workers, gpu=settings.gpu),
        scaling_config=ray_train.ScalingConfig(
            num_workers=_room(settings),  # type: ignore[arg-type]  # a range is right: see ray.train.v2
            use_gpu=settings.gpu,
            resources_per_worker={"CPU": worker_cpus(settings.workers)} | ({"GPU": 1} if settings.gpu else {}),
        ),
        run_config=ray_train.RunConfig(
            worker_runtime_env=worker_environment(),  # type: ignore[call-arg]  # ray.train.v2 takes it
            name=settings.out.name,
            storage_path=str(settings.out.parent),
            failure_config=ray_train.FailureConfig(max_failures=_MOST_FAILURES),
            checkpoint_config=ray_train.CheckpointConfig(num_to_keep=2, checkpoint_score_attribute=judged_by),
        ),
        datasets={} if alone else parts,
        dataset_config=ray_train.DataConfig(datasets_to_split=[] if alone else [TRAIN]),
    )
    try:
        result = trainer.fit()
    except ray_train.TrainingFailedError as error:
        raise ModelError(f"training stopped: {root_cause(error)} (run it again to go on at the last epoch)") from None
    best = result.get_best_checkpoint(judged_by, "max")
    if best is None:
        raise ModelError(f"training left no checkpoint in {settings.out}; see Ray's logs of the workers")
    return Path(best.path)


def _splits(frames: ray.data.Dataset, dataset: VeiledDataset) -> dict[str, Any]:
    """Return the frames of each split, read where they fit; raises ShardError for a shard that cannot be."""
    try:
        return {split: _held(frames.filter(expr=col("split") == split), dataset.shard_bytes) for split in (TRAIN, VAL)}
    except ray.exceptions.RayError as error:
        raise ShardError(root_cause(error)) from None


def _room(settings: TrainSettings) -> int | tuple[int, int]:
    few, many = settings.least_workers, settings.workers
    return many if few == many else (few, many)


def _held(frames: ray.data.Dataset, size: int) -> ray.data.Dataset:
    """Read frames once if they fit into a part of the object store: else each epoch reads the shards anew."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    room = _HELD_SHARE * resources.get("object_store_memory", 0)
    return frames.materialize() if size < room else frames


def _train_loop(config: dict[str, Any]) -> None:
    from raypp.train.worker import train_worker  # noqa: PLC0415 - slow to import, and only for workers

    settings = TrainSettings.model_validate_json(config["settings"])
    info = ModelInfo.model_validate_json(config["info"])
    worker = worker_context(prepare_model, config["threads"])
    rank, workers = worker.rank, worker.workers
    metrics = TrainingMetrics(rank, info.schedule.epochs)
    if rank == 0:
        worker = replace(worker, report=metrics.reporting(worker.report))
    header = VeiledDataset.open(settings.archive, info.labels_version, settings.data_key_path).header
    checkpoint = ray_train.get_checkpoint()

    def frames(split: str) -> ray.data.DataIterator:
        own: ray.data.DataIterator | None = config["frames"].get(split)
        return own or ray_train.get_dataset_shard(split)

    def train_batches(epoch: int) -> Iterator[DetectionBatch]:
        share = settings.batch // workers
        rows = frames(TRAIN).iter_batches(
            batch_size=share * (1 + header.variants),
            batch_format="numpy",
            local_shuffle_buffer_size=SHUFFLED_ROWS,
            local_shuffle_seed=settings.seed + epoch,
        )
        return metrics.counted(batches_of_epoch(rows, header, info.schedule, share, epoch))

    def val_batches() -> Iterator[DetectionBatch]:
        rows = frames(VAL).iter_batches(batch_size=VAL_ROWS, batch_format="numpy")
        mine = (row for number, row in enumerate(rows) if number % workers == rank)
        return (batch_of_rows(row, header) for row in mine)

    begin = Path(checkpoint.path) if checkpoint else None
    train_worker(settings, info, worker, train_batches, val_batches, begin, metrics.step)


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(train, "train", train_on_ray)


if __name__ == "__main__":
    main()
