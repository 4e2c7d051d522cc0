"""Training in this process: one worker, which reads the shards itself."""

import random
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from raypp.detect.inputs.batch import COLUMNS, DetectionBatch, batch_of_rows, batches_of_epoch
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.labelled import labelled_rows
from raypp.detect.inputs.rows import SHUFFLED_ROWS, VAL_ROWS, Rows
from raypp.detect.inputs.variants import VARIANT_COLUMNS
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.errors import ModelError
from raypp.io.atomic import whole_folder
from raypp.text.split_names import TRAIN, VAL
from raypp.train.results import EpochResult, kept_epoch, read_results
from raypp.train.run_folder import checkpoints_here
from raypp.train.settings import TrainSettings
from raypp.train.worker import train_worker
from raypp.train.worker_context import WorkerContext

_READ_ROWS = 256
_CHECKPOINT = "checkpoint_{:06d}"


def train_here(settings: TrainSettings, info: ModelInfo, dataset: VeiledDataset) -> Path:
    """Train to the last epoch, or go on at the last finished one; returns the folder of the best by mAP50-95.

    Raises:
        ModelError: if the weights do not fit or the loss is not a number.
        ShardError: if a shard cannot be read.
    """
    out, header = settings.out, dataset.header

    def rows(split: str) -> Iterator[dict[str, Any]]:
        columns = (*COLUMNS, *VARIANT_COLUMNS)
        return labelled_rows(settings.archive, dataset.labels_version, split, columns, settings.data_key_path)

    def train_batches(epoch: int) -> Iterator[DetectionBatch]:
        mixed = shuffled(rows(TRAIN), SHUFFLED_ROWS, settings.seed + epoch)
        return batches_of_epoch(columns_of(mixed, _READ_ROWS), header, info.schedule, settings.batch, epoch)

    def val_batches() -> Iterator[DetectionBatch]:
        return (batch_of_rows(columns, header) for columns in columns_of(rows(VAL), VAL_ROWS))

    def report(_metrics: dict[str, Any], folder: Path | None) -> None:
        if folder is not None:
            _keep(out, folder, info.schedule)

    worker = WorkerContext.alone(torch.device("cuda" if settings.gpu else "cpu"), report)
    finished = checkpoints_here(out)
    train_worker(settings, info, worker, train_batches, val_batches, finished[-1] if finished else None)
    best = out / _CHECKPOINT.format(kept_epoch(read_results(out, EpochResult), info.schedule).epoch)
    if not best.is_dir():
        raise ModelError(f"run {out} has no checkpoint of its best epoch any more; train it anew in another `out`")
    return best


def shuffled(rows: Iterable[dict[str, Any]], held: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield all rows in another order, of which so many at most are held at once."""
    chance = random.Random(seed)  # noqa: S311 - an order of frames, no secret
    waiting: list[dict[str, Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == held:
            index = chance.randrange(held)
            waiting[index], waiting[-1] = waiting[-1], waiting[index]
            yield waiting.pop()
    chance.shuffle(waiting)
    yield from waiting


def columns_of(rows: Iterable[dict[str, Any]], count: int) -> Iterator[Rows]:
    """Gather rows into batches of so many, each column an array of objects: codes are bytes, boxes are lists."""
    rows = iter(rows)
    while some := list(islice(rows, count)):
        batch = {}
        for name in some[0]:
            batch[name] = np.empty(len(some), dtype=object)
            batch[name][:] = [row[name] for row in some]
        yield batch


def _keep(out: Path, folder: Path, schedule: TrainingSchedule) -> None:
    """Keep the checkpoint of the epoch that has just been recorded, and the best one, whole at any moment."""
    results = read_results(out, EpochResult)
    last = results[-1].epoch
    place = out / _CHECKPOINT.format(last)
    with whole_folder(place) as part:
        shutil.copytree(folder, part)
    kept = {last, kept_epoch(results, schedule).epoch}
    for path in checkpoints_here(out):
        if int(path.name.rpartition("_")[2]) not in kept:
            shutil.rmtree(path)
