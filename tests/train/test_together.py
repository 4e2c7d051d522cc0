"""Two workers that train together are one: equal weights after every step, and losses as one worker's."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from raypp.detect.inputs.batch import DetectionBatch, labelled_batch
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector
from raypp.detect.schedule import TrainingSchedule
from raypp.train.trainer import Trainer
from tests.command import environment
from tests.command_server import run_forked

_CODES = CodeInput(channels=4, bits=2, patch=8)
_GRID, _BATCH, _STEPS, _EPOCHS = 16, 16, 5, 3
_CPU = torch.device("cpu")
_PROGRAM = f"""
import sys
from pathlib import Path
from {__name__} import _train
_train(int(sys.argv[1]), 2, Path(sys.argv[2]))
"""


def _batches(epoch: int, rank: int, workers: int) -> list[DetectionBatch]:
    """A worker's share of an epoch: of each global batch, every workers-th scene."""
    random = np.random.default_rng(epoch)
    out = []
    for step in range(_STEPS):
        codes = random.integers(0, 4, (_BATCH, 5, _GRID, _GRID), dtype=np.uint8)
        codes[:, -1] = 0
        places = random.integers(0, _GRID - 4, (_BATCH, 2))
        kinds = random.integers(0, 2, _BATCH)
        mine = range(rank, _BATCH, workers)
        boxes = []
        for row, index in enumerate(mine):
            top, left = places[index]
            codes[index, :-1, top : top + 4, left : left + 4] = 3 * kinds[index]
            boxes.append((row, int(kinds[index]), (left + 2) / _GRID, (top + 2) / _GRID, 4 / _GRID, 4 / _GRID))
        out.append(labelled_batch(codes[mine.start :: workers], boxes, tuple(f"{step}-{index}" for index in mine)))
    return out


def _train(rank: int, workers: int, out: Path) -> None:
    torch.set_num_threads(1)
    if workers > 1:
        distributed.init_process_group("gloo", f"file://{out}/meet", rank=rank, world_size=workers)
    torch.manual_seed(0)
    model = build_detector("yolov8n", ("zero", "three"), _CODES)
    schedule = TrainingSchedule(epochs=_EPOCHS, batch=_BATCH, steps=_STEPS, nominal_batch=_BATCH, close_mosaic=_EPOCHS)
    wrap = DistributedDataParallel if workers > 1 else None
    trainer = Trainer(model, schedule, _CPU, workers, rank, wrap, augmentation=None)
    digests: list[str] = []
    trainer._optimizer.register_step_post_hook(lambda *_: digests.append(_digest(model)))
    losses = [trainer.train_epoch(_batches(epoch, rank, workers)).losses for epoch in range(_EPOCHS)]
    torch.save({"digests": digests, "losses": losses, "ema": _digest(trainer.ema.ema)}, out / f"{workers}-{rank}.pt")
    if workers > 1:
        distributed.destroy_process_group()


def _digest(model: torch.nn.Module) -> str:
    values = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()


@pytest.fixture(scope="module")
def told_by_ranks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[object]]]:
    out = tmp_path_factory.mktemp("together")
    with ThreadPoolExecutor(2) as pool:
        pair = [pool.submit(run_forked, _PROGRAM, [str(rank), str(out)], environment(), None, 180) for rank in range(2)]
        _train(0, 1, out)
    for worker in pair:
        assert worker.result().returncode == 0, worker.result().stderr
    return {path.stem: torch.load(path) for path in out.glob("*.pt")}


def test_weights_are_equal_across_workers_after_every_step(told_by_ranks: dict[str, dict[str, list[object]]]) -> None:
    first, second = told_by_ranks["2-0"], told_by_ranks["2-1"]
    assert len(first["digests"]) == _STEPS * _EPOCHS
    assert len(set(first["digests"])) == _STEPS * _EPOCHS
    assert first["digests"] == second["digests"]
    assert first["ema"] == second["ema"]


def test_losses_of_two_workers_are_those_of_one(told_by_ranks: dict[str, dict[str, list[object]]]) -> None:
    alone = told_by_ranks["1-0"]["losses"]
    for epoch in range(_EPOCHS):
        for name, value in alone[epoch].items():
            together = np.mean([told_by_ranks[f"2-{rank}"]["losses"][epoch][name] for rank in range(2)])
            assert together == pytest.approx(value, rel=0.15), (epoch, name)
