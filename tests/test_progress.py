"""Progress in a job's log: plain lines, and no estimate that the pace does not bear out."""

import io
import itertools
from queue import Queue
from time import sleep

import pytest
from rich.console import Console

from raypp import progress
from raypp.cli.console import ConsoleProgress
from raypp.progress import LineProgress, time_left


@pytest.mark.parametrize(
    ("done", "elapsed_s", "left"),
    [(1, 60, ""), (9, 400, ""), (10, 14, ""), (10, 20, "about 180 s left"), (50, 50, "about 50 s left"), (100, 90, "")],
)
def test_the_pace_tells_nothing_before_a_tenth_and_a_quarter_of_a_minute(done: int, elapsed_s: int, left: str) -> None:
    assert time_left(done, 100, elapsed_s) == left


def test_lines_of_a_log_have_an_estimate_once_there_can_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 10)
    monkeypatch.setattr(progress, "monotonic", lambda: float(next(clock)))
    screen, lines = io.StringIO(), []
    for teller in (ConsoleProgress(Console(file=screen, width=200)), LineProgress(lines.append)):
        with teller.task("veiling", 40) as advance:
            advance(1, "a.mp4", 20)
            advance(9, "b.mp4", 180)
    assert screen.getvalue().splitlines() == lines
    assert lines == [
        "veiling: 2 %, a.mp4, 2 frames/s, 10 s gone",
        "veiling: 25 %, b.mp4, 10 frames/s, 20 s gone, about 60 s left",
    ]


def test_where_units_cost_differently_there_is_no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 10)
    monkeypatch.setattr(progress, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr("raypp.cli.console.monotonic", lambda: float(next(clock)))
    screen, terminal, lines = io.StringIO(), io.StringIO(), []
    for teller in (
        ConsoleProgress(Console(file=screen, width=200)),
        LineProgress(lines.append),
        ConsoleProgress(Console(file=terminal, width=200, force_terminal=True)),
    ):
        with teller.task("attacking", 4, steady=False) as advance:
            advance(1, "decoder", 0)
            advance(1, "inverse", 0)
    assert screen.getvalue().splitlines() == lines
    assert lines[1] == "attacking: 50 %, inverse, 20 s gone"
    assert "inverse" in terminal.getvalue()
    assert "left" not in terminal.getvalue()


def test_a_task_that_is_silent_for_long_says_again_how_far_it_is_until_it_ends() -> None:
    lines: Queue[str] = Queue()
    with LineProgress(lines.put, silent_s=0.01).task("attacking", 4) as advance:
        assert lines.get(timeout=30).startswith("attacking: 0 %, ")
        advance(1, "ridge", 0)
        while (line := lines.get(timeout=30)).startswith("attacking: 0 %, "):
            continue
        assert line.startswith("attacking: 25 %, ridge, ")
    count = lines.qsize()
    sleep(0.1)
    assert lines.qsize() == count
