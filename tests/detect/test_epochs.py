"""Epochs are said once each, as they end; those of an earlier run are not said again."""

import io

import pytest
from rich.console import Console

from raypp.detect.epochs import epochs_said, say_begin
from raypp.detect.results import EpochResult


def epoch(number: int, seconds: float) -> EpochResult:
    figures = dict.fromkeys(EpochResult.model_fields, 0.0)
    return EpochResult(**figures | {"epoch": number, "seconds": seconds})


def said_of(before: list[EpochResult], after: list[EpochResult], epochs: int) -> list[tuple[int, float]]:
    results, said = list(before), list[tuple[int, float]]()
    with epochs_said(lambda: list(results), epochs, lambda one, left_s: said.append((one.epoch, left_s))):
        results.extend(after)
    return said


def test_each_epoch_that_ends_is_said_once_with_what_is_left_at_its_pace() -> None:
    after = [epoch(2, 25.0), epoch(3, 33.0), epoch(4, 41.0)]
    assert said_of([epoch(1, 10.0)], after, 4) == [(2, 30.0), (3, 8.0), (4, 0.0)]


def test_the_first_epoch_counts_from_the_begin_of_the_training_not_of_what_starts_it() -> None:
    assert said_of([], [epoch(1, 10.0)], 10) == [(1, pytest.approx(90.0))]


def test_after_a_resume_the_pace_is_that_of_this_run() -> None:
    before = [epoch(1, 10.0), epoch(2, 500.0)]
    assert said_of(before, [epoch(3, 12.0), epoch(4, 21.0)], 5) == [(3, 24.0), (4, 9.0)]


def test_what_is_begun_is_said() -> None:
    screen = io.StringIO()
    console = Console(file=screen, soft_wrap=True)
    say_begin(console, {"val": 2, "train": 9}, epochs=6, steps=3, done=2, on_ray=True)
    say_begin(console, {"train": 30}, epochs=6, steps=3, done=0, on_ray=False)
    assert screen.getvalue().splitlines() == [
        "begins        pictures: 9 train, 2 val; 6 epochs of 3 steps, 2 done before; Ray takes up to a minute to start",
        "begins        pictures: 30 train; 6 epochs of 3 steps",
    ]
