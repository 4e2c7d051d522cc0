"""Steps of an epoch are told with their pace, through a file that another process reads."""

import itertools
from pathlib import Path

import pytest

from raypp.train import steps
from raypp.train.steps import WARM_UP, StepFile, TrainingStep, steps_told


def _step(step: int, epoch: int = 1) -> TrainingStep:
    return TrainingStep(epoch=epoch, epochs=2, step=step, steps=4, loss=1.5, seconds_left=None)


def test_the_first_step_has_no_pace_and_the_others_that_of_those_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 102.0, 104.0, 106.0])
    monkeypatch.setattr(steps, "monotonic", lambda: next(times))
    shown: list[TrainingStep] = []
    on_loss = steps_told(3, 5, 4, shown.append)
    for step in range(1, 5):
        on_loss(step, 6.0 / step)
    assert [step.seconds_left for step in shown] == [None, 4.0, 2.0, 0.0]
    assert [step.loss for step in shown] == [6.0, 3.0, 2.0, 1.5]
    assert {(step.epoch, step.epochs, step.steps) for step in shown} == {(3, 5, 4)}
    assert [step.done for step in shown] == pytest.approx([(2 + share) / 5 for share in (0.25, 0.5, 0.75, 1)])
    assert (shown[1].name(), shown[1].words()) == ("epoch 3/5", "step 2/4, loss 3.000")


def test_a_warm_up_is_no_share_of_the_training() -> None:
    shown: list[TrainingStep] = []
    steps_told(2, 3, 1, shown.append, WARM_UP)(1, 0.5)
    assert [(step.name(), step.done) for step in shown] == [("warm-up 2/3", 0.0)]


def test_another_reader_sees_the_last_step_and_no_part_of_one(tmp_path: Path) -> None:
    reader = StepFile(tmp_path)
    assert reader.read() is None
    StepFile(tmp_path).write(_step(1))
    assert reader.read() == _step(1)
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]


def test_two_steps_a_second_are_written_and_the_last_one_of_each_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0, 0.2)
    monkeypatch.setattr(steps, "monotonic", lambda: next(clock))
    file, seen = StepFile(tmp_path), []
    for epoch, step in itertools.product((1, 2), (1, 2, 3, 4)):
        file.write(_step(step, epoch))
        read = file.read()
        seen.append((read.epoch, read.step))
    assert seen == [(1, 1), (1, 1), (1, 1), (1, 4), (1, 4), (1, 4), (2, 3), (2, 4)]


def test_what_a_killed_training_left_is_deleted(tmp_path: Path) -> None:
    file = StepFile(tmp_path)
    file.write(_step(1))
    (tmp_path / ".step.json.0123456789ab.tmp").write_text("{")
    (tmp_path / "results.csv").touch()
    file.remove()
    file.remove()
    StepFile(tmp_path / "no folder").remove()
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
