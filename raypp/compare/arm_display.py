"""Showing how far the arms of a comparison are, wherever they run: each writes its steps into its folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from raypp.progress import Advance, Progress
from raypp.train.progress import looking
from raypp.train.steps import StepFile, TrainingStep


class ArmDisplay:
    """How many arms are done, and how far the others are.

    Args:
        folders: of the arms, by row_id.
        advance: shows an advance, in arms.
    """

    def __init__(self, folders: Mapping[str, Path], advance: Advance) -> None:
        self._running = {row_id: StepFile(folder) for row_id, folder in folders.items()}
        self._arms, self._advance = len(folders), advance
        self._done, self._where = 0.0, ""

    def end(self, row_id: str) -> None:
        """Take in that an arm has ended."""
        self._running = {other: file for other, file in self._running.items() if other != row_id}

    def update(self) -> None:
        """Show what has changed since the last time."""
        running = self._running
        steps = {row_id: step for row_id, file in running.items() if (step := file.read()) is not None}
        ended = self._arms - len(running)
        done = max(self._done, ended + sum(step.done for step in steps.values()))  # an arm may have begun anew
        where = "; ".join((f"{ended}/{self._arms}", *(_words(row_id, step) for row_id, step in steps.items())))
        if where != self._where:
            self._advance(done - self._done, where, 0)
            self._done, self._where = done, where


def _words(row_id: str, step: TrainingStep) -> str:
    left = "" if step.seconds_left is None else f", {step.seconds_left:.0f} s left in it"
    return f"{row_id} {step.name()}, {step.words()}{left}"


@contextmanager
def arms_shown(folders: Mapping[str, Path], progress: Progress) -> Iterator[ArmDisplay]:
    """Show arms until the block ends.

    Args:
        folders: of the arms, by row_id.
        progress: shows them.
    """
    files = [StepFile(folder) for folder in folders.values()]
    for file in files:
        file.remove()  # a killed run left it
    try:
        with progress.task("training arms", len(folders)) as advance:
            display = ArmDisplay(folders, advance)
            with looking(display.update):
                yield display
    finally:
        for file in files:
            file.remove()
