"""Parts of a longer training: rates go on where the part before ended, and the last epoch is kept."""

import pytest
import torch

from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector
from raypp.detect.schedule import SchedulePart, TrainingSchedule
from raypp.train.results import EpochResult, kept_epoch
from raypp.train.trainer import Trainer
from tests.train.scenes import BATCH, batches_of, draw_scenes

_CODES = CodeInput(channels=4, bits=2, patch=8)


def _rates(schedule: TrainingSchedule) -> list[float]:
    torch.manual_seed(0)
    trainer = Trainer(build_detector("yolov8p", ("zero", "three"), _CODES), schedule, torch.device("cpu"))
    scenes = draw_scenes()
    return [trainer.train_epoch(batches_of(scenes, epoch)).learning_rate for epoch in range(schedule.epochs)]


def test_rates_of_parts_are_those_of_the_whole() -> None:
    whole = TrainingSchedule(epochs=6, batch=BATCH, steps=2, nominal_batch=BATCH)
    parts = [
        whole.model_copy(update={"epochs": 2, "part": SchedulePart(before=before, whole=6)}) for before in (0, 2, 4)
    ]
    assert [rate for part in parts for rate in _rates(part)] == pytest.approx(_rates(whole))


def test_a_whole_training_hands_out_its_best_epoch_and_a_part_its_last() -> None:
    fields = dict.fromkeys(EpochResult.model_fields, 0.0)
    results = [EpochResult(**fields | {"epoch": number, "map50_95": 1 / number}) for number in (1, 2, 3)]
    schedule = TrainingSchedule(epochs=3, batch=1, steps=1)
    assert kept_epoch(results, schedule).epoch == 1
    assert kept_epoch(results, schedule.model_copy(update={"part": SchedulePart(before=3, whole=9)})).epoch == 3
    assert "part" not in schedule.model_dump_json(), "what older runs hold is as it was"
