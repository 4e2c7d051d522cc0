"""`python training_steps.py ARCHIVE BATCH AMP MODE`: what a frame of a training costs, with the raypp that is imported.

Prints CPU and wall milliseconds a frame of each of some epochs after the first, as JSON.
"""

import raypp  # noqa: F401, I001 - as the command does, before torch: it says how torch's threads wait

import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch

from raypp.detect.checkpoint import build_model
from raypp.detect.inputs.batch import COLUMNS, DetectionBatch, batches_of_epoch
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.labelled import labelled_rows
from raypp.detect.inputs.variants import VARIANT_COLUMNS
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.evaluate.metrics import DetectionMatcher
from raypp.train.trainer import Trainer

_EPOCHS = 3
_READ_ROWS = 256


def main(archive: str, batch: int, amp: bool, mode: str) -> None:
    dataset = VeiledDataset.open(archive, None)
    steps = dataset.splits["train"] // batch
    schedule = TrainingSchedule(epochs=_EPOCHS, batch=batch, steps=steps, nominal_batch=batch, amp=amp)
    info = ModelInfo.of("yolov8n", dataset, schedule)
    torch.manual_seed(0)
    device = torch.device("cpu")
    trainer = Trainer(build_model(info), schedule, device)

    def batches(epoch: int) -> Iterator[DetectionBatch]:
        columns = (*COLUMNS, *VARIANT_COLUMNS)
        rows = labelled_rows(archive, dataset.labels_version, "train", columns, None)
        return batches_of_epoch(_tables(rows), dataset.header, schedule, batch, epoch)

    for epoch in range(_EPOCHS):
        cpu, wall = time.process_time(), time.perf_counter()
        if mode == "train":
            trainer.train_epoch(batches(epoch))
        else:
            DetectionMatcher(trainer.ema.ema, info.size, device).match(batches(epoch))
        costs = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        if epoch:
            print(json.dumps({name: 1e3 * cost / (steps * batch) for name, cost in costs.items()}), flush=True)


def _tables(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    while some := list(islice(rows, _READ_ROWS)):
        table = {name: np.empty(len(some), dtype=object) for name in some[0]}
        for name, column in table.items():
            column[:] = [row[name] for row in some]
        yield table


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "amp", sys.argv[4])
