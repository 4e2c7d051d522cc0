"""Epochs are said once each, as they end, and steps are shown; those of an earlier run are not said again."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from raypp import progress
from raypp.cli.console import ConsoleProgress
from raypp.progress import LineProgress
from raypp.train.progress import StepDisplay, begin_line, epochs_said
from raypp.train.results import EpochResult
from raypp.train.steps import EPOCH, WARM_UP, StepFile, TrainingStep


def epoch(number: int, seconds: float) -> EpochResult:
    figures = dict.fromkeys(EpochResult.model_fields, 0.0)
    return EpochResult(**figures | {"epoch": number, "seconds": seconds})


def said_of(before: list[EpochResult], after: list[EpochResult], epochs: int) -> list[tuple[int, str]]:
    results, lines = list(before), list[tuple[int, str]]()
    with epochs_said(lambda: list(results), epochs, lambda result, left: lines.append((result.epoch, left))):
        results.extend(after)
    return lines


def test_each_epoch_is_said_once_and_what_is_left_by_the_median_of_those_after_the_first() -> None:
    after = [epoch(1, 50.0), epoch(2, 60.0), epoch(3, 99.0), epoch(4, 108.0), epoch(5, 118.0)]
    left = ["", "; about 30 s left", "; about 49 s left", "; about 10 s left", ""]
    assert said_of([], after, 5) == list(zip(range(1, 6), left, strict=True))


def test_the_first_epoch_of_a_run_tells_nothing_of_the_rest() -> None:
    assert said_of([], [epoch(1, 10.0)], 10) == [(1, "")]


def test_after_a_resume_the_pace_is_that_of_this_run() -> None:
    before = [epoch(1, 10.0), epoch(2, 500.0)]
    assert said_of(before, [epoch(3, 12.0), epoch(4, 21.0)], 5) == [(3, ""), (4, "; about 9 s left")]


def test_what_is_begun_is_said() -> None:
    gone_on = begin_line({"val": 2, "train": 9}, epochs=6, steps=3, done=2, on_ray=True)
    assert [gone_on, begin_line({"train": 30}, epochs=6, steps=3, done=0, on_ray=False)] == [
        "begins        images: 9 train, 2 val; 6 epochs of 3 steps, 2 done before; Ray takes up to a minute to start",
        "begins        images: 30 train; 6 epochs of 3 steps",
    ]


def write(folder: Path, epoch: int, step: int, phase: str = EPOCH) -> None:
    loss = 4 / step
    last = TrainingStep(epoch=epoch, epochs=2, step=step, steps=20, loss=loss, seconds_left=None, phase=phase)
    StepFile(folder).write(last)


def test_a_log_has_a_line_for_steps_that_take_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 6.0, 20.0, 100.0, 101.0, 110.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(times))
    lines: list[str] = []
    write(tmp_path, 1, 20)  # a killed run left it
    with StepDisplay(tmp_path, 4, LineProgress(lines.append)) as display:
        display.update()
        for epoch, step in ((1, 1), (1, 1), (1, 4), (1, 20), (2, 2), (2, 10)):
            write(tmp_path, epoch, step)
            display.update()
    assert lines == [
        "epoch 1/2: 20 %, step 4/20, loss 1.000, 3 frames/s, 6 s gone",
        "epoch 1/2: 100 %, evaluating, 4 frames/s, 20 s gone",
        "epoch 2/2: 50 %, step 10/20, loss 0.400, 4 frames/s, 10 s gone",
    ]
    assert not list(tmp_path.iterdir())


def test_a_warm_up_is_shown_before_the_first_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 6.0, 12.0, 20.0, 26.0, 30.0, 36.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(times))
    lines: list[str] = []
    with StepDisplay(tmp_path, 1, LineProgress(lines.append)) as display:
        for phase, number, step in ((WARM_UP, 1, 10), (WARM_UP, 1, 20), (WARM_UP, 2, 10), (EPOCH, 2, 20)):
            write(tmp_path, number, step, phase)
            display.update()
    assert [line.partition(" frames/s")[0] for line in lines] == [
        "warm-up 1/2: 50 %, step 10/20, loss 0.400, 2",
        "warm-up 1/2: 100 %, step 20/20, loss 0.200, 2",
        "warm-up 2/2: 50 %, step 10/20, loss 0.400, 2",
        "epoch 2/2: 100 %, evaluating, 3",
    ]


def test_a_worker_that_begins_an_epoch_anew_begins_its_display_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 6.0, 100.0, 106.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(times))
    lines: list[str] = []
    with StepDisplay(tmp_path, 1, LineProgress(lines.append)) as display:
        for step in (10, 2):
            write(tmp_path, 1, step)
            display.update()
    assert [line.partition(", loss")[0] for line in lines] == [
        "epoch 1/2: 50 %, step 10/20",
        "epoch 1/2: 10 %, step 2/20",
    ]


def test_a_terminal_has_a_bar_for_each_epoch_and_lines_above_it(tmp_path: Path) -> None:
    screen, results = io.StringIO(), list[EpochResult]()
    console = Console(file=screen, width=120, force_terminal=True)
    shown = ConsoleProgress(console)
    display = StepDisplay(tmp_path, 4, shown)
    with epochs_said(lambda: list(results), 2, lambda result, _: shown.say(f"epoch {result.epoch} ended"), display):
        write(tmp_path, 1, 10)
        results.append(epoch(1, 1.0))
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert "epoch 1 ended" in text
    assert re.search(r"epoch 1/2 .* 50 %  step 10/20, loss 0\.400  \d+ frames/s", text)
    assert not list(tmp_path.iterdir())
