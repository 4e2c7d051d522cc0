"""Epochs are said once each, as they end; those of an earlier run are not said again."""

from raypp.train.progress import begin_line, epochs_said
from raypp.train.results import EpochResult


def epoch(number: int, seconds: float) -> EpochResult:
    figures = dict.fromkeys(EpochResult.model_fields, 0.0)
    return EpochResult(**figures | {"epoch": number, "seconds": seconds})


def said_of(before: list[EpochResult], after: list[EpochResult], epochs: int) -> list[tuple[int, str]]:
    results, said = list(before), list[tuple[int, str]]()
    with epochs_said(lambda: list(results), epochs, lambda one, left: said.append((one.epoch, left))):
        results.extend(after)
    return said


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
