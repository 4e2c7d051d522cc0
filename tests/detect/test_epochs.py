"""Epochs are said once each, as they end; those of an earlier run are not said again."""

import io
from time import monotonic, sleep

from rich.console import Console

from raypp.detect.epochs import epochs_said, say_begin

_SLOW_S, _QUICK_S = 3.0, 1.5


def test_each_epoch_that_ends_is_said_once() -> None:
    results, said = ["one"], list[str]()
    with epochs_said(lambda: list(results), 4, lambda one, _left_s: said.append(one)):
        results.append("two")
        results.extend(["three", "four"])
    assert said == ["two", "three", "four"]


def test_what_is_left_is_told_without_the_start_that_only_the_first_epoch_waits_for() -> None:
    results, left = list[str](), dict[str, float]()

    def wait(epoch: str, seconds: float) -> None:
        sleep(seconds)
        results.append(epoch)
        until = monotonic() + 10
        while epoch not in left and monotonic() < until:
            sleep(0.01)

    with epochs_said(lambda: list(results), 10, left.__setitem__):
        wait("one", _SLOW_S)
        wait("two", _QUICK_S)
    assert left["one"] >= 9 * _SLOW_S
    assert left["two"] < 8 * (_SLOW_S + _QUICK_S) / 2  # what it would be if the start counted


def test_what_is_begun_is_said() -> None:
    screen = io.StringIO()
    console = Console(file=screen, soft_wrap=True)
    say_begin(console, {"val": 2, "train": 9}, epochs=6, steps=3, done=2, on_ray=True)
    say_begin(console, {"train": 30}, epochs=6, steps=3, done=0, on_ray=False)
    assert screen.getvalue().splitlines() == [
        "begins        pictures: 9 train, 2 val; 6 epochs of 3 steps, 2 done before; Ray takes up to a minute to start",
        "begins        pictures: 30 train; 6 epochs of 3 steps",
    ]
