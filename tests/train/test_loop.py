"""The loop over epochs goes on from a state, tells its steps, and evaluates the averaged weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from raypp.detect.inputs.batch import DetectionBatch, labelled_batch
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import read_state, write_state
from raypp.evaluate.matching import SampleMatches
from raypp.train.loop import TrainingData, run_epochs
from raypp.train.results import EpochResult, best_epoch
from raypp.train.steps import TrainingStep
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext

_CODES = CodeInput(channels=4, bits=2, patch=8)
_GRID, _BATCH, _STEPS, _EPOCHS = 8, 4, 2, 3
_CPU = torch.device("cpu")
_CLASSES = ("zero", "three")


def _batch(seed: int) -> DetectionBatch:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 4, (_BATCH, 5, _GRID, _GRID), dtype=np.uint8)
    codes[:, -1] = 0
    boxes = [(row, row % 2, 0.5, 0.5, 0.5, 0.5) for row in range(_BATCH)]
    return labelled_batch(codes, boxes, tuple(f"{seed}-{row}" for row in range(_BATCH)))


def _trainer() -> Trainer:
    torch.manual_seed(0)
    model = build_detector("yolov8p", _CLASSES, _CODES)
    return Trainer(model, TrainingSchedule(epochs=_EPOCHS, batch=_BATCH, steps=_STEPS, nominal_batch=_BATCH), _CPU)


def _data() -> TrainingData:
    def train(epoch: int) -> list[DetectionBatch]:
        return [_batch(epoch * _STEPS + step) for step in range(_STEPS)]

    return TrainingData(train, lambda: [_batch(99)], _CLASSES, _GRID * _CODES.patch)


def test_a_loop_that_goes_on_from_a_state_on_disk_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole, again = _trainer(), _trainer()
    alone = WorkerContext.alone(_CPU)
    losses = []
    for ended in run_epochs(whole, _data(), alone):
        losses.append(ended.losses)
        if whole.epoch == 1:
            write_state(tmp_path, whole.state({"own": [1, 2]}))
    state = read_state(tmp_path)
    assert state.extra == {"own": [1, 2]}
    torch.manual_seed(99)
    again.restore(state)
    assert [ended.losses for ended in run_epochs(again, _data(), alone)] == losses[1:]
    for mine, theirs in ((again.model, whole.model), (again.ema.ema, whole.ema.ema)):
        assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in mine.state_dict().items())
    assert list(run_epochs(again, _data(), alone)) == [], "the last epoch has ended"


def test_steps_are_told_with_the_mean_loss_of_the_epoch_so_far() -> None:
    steps: list[TrainingStep] = []
    ended = list(run_epochs(_trainer(), _data(), WorkerContext.alone(_CPU), on_step=steps.append))
    assert [(step.epoch, step.step) for step in steps] == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert {(step.epochs, step.steps) for step in steps} == {(_EPOCHS, _STEPS)}
    assert [step.loss for step in steps[1::2]] == pytest.approx([sum(epoch.losses.losses.values()) for epoch in ended])
    assert all(epoch.train_s > 0 for epoch in ended)


def test_only_the_first_worker_tells_steps() -> None:
    second = WorkerContext(rank=1, workers=2, device=_CPU, wrap=None, gather=list, report=lambda *_: None)
    steps: list[TrainingStep] = []
    next(run_epochs(_trainer(), _data(), second, on_step=steps.append))
    assert steps == []


def test_all_workers_matches_of_the_averaged_weights_are_evaluated() -> None:
    trainer, gathered = _trainer(), []

    def twice(mine: list[SampleMatches]) -> list[SampleMatches]:
        gathered.append(len(mine))
        return [*mine, *(replace(sample, sample_id=f"other-{sample.sample_id}") for sample in mine)]

    worker = WorkerContext(rank=0, workers=1, device=_CPU, wrap=None, gather=twice, report=lambda *_: None)
    ended = next(run_epochs(trainer, _data(), worker))
    evaluation = ended.evaluate()
    assert gathered == [_BATCH]
    assert evaluation.scores.samples == 2 * _BATCH
    assert evaluation.matcher._model is trainer.ema.ema


def test_of_equally_good_epochs_the_first_is_the_best() -> None:
    def epoch(number: int, map50_95: float) -> EpochResult:
        figures = dict.fromkeys(EpochResult.model_fields, 0.0)
        return EpochResult(**figures | {"epoch": number, "map50_95": map50_95})

    assert best_epoch([epoch(1, 0.1), epoch(2, 0.3), epoch(3, 0.3), epoch(4, 0.2)]).epoch == 2
