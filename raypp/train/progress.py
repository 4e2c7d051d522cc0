"""Saying what a training has come to, epoch by epoch and step by step, while it runs somewhere else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Self, TypeVar

from raypp.progress import Advance, Progress
from raypp.train.results import EpochResult
from raypp.train.steps import EPOCH, StepFile, TrainingStep

Epoch = TypeVar("Epoch", bound=EpochResult)
_LOOK_S = 1.0


@contextmanager
def epochs_said(
    read: Callable[[], Sequence[Epoch]],
    epochs: int,
    say: Callable[[Epoch, str], None],
    display: "StepDisplay | None" = None,
) -> Iterator[None]:
    """Say each epoch as its result appears, and show the steps of the one that runs, until the block ends.

    Args:
        read: reads the epochs that have ended, in order; those that are there at the begin are not said.
        epochs: how many there will be.
        say: is given an epoch, and what can be said of how long the rest will take, such as `; about 30 s left`.
        display: shows steps.
    """
    before = shown = len(read())

    def look() -> None:
        nonlocal shown
        results = read()
        for number, result in enumerate(results[shown:], shown + 1):
            say(result, _left(results[before:number], epochs - number))
        shown = max(shown, len(results))
        if display is not None:
            display.update()

    with display or nullcontext(), looking(look):
        yield


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Call a function every second, in a thread of its own, until the block ends, and once more then."""
    ended = Event()

    def watch() -> None:
        last = False
        while not last:
            last = ended.wait(_LOOK_S)
            look()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


class StepDisplay(AbstractContextManager["StepDisplay"]):
    """Shows how far the running epoch of a training is: one task of progress for each epoch, and pass of a warm-up.

    Args:
        folder: the training's.
        batch: frames of a step.
        progress: shows it.
    """

    def __init__(self, folder: Path, batch: int, progress: Progress) -> None:
        self._file, self._batch, self._progress = StepFile(folder), batch, progress
        self._task = ExitStack()
        self._advance: Advance | None = None
        self._shown: TrainingStep | None = None

    def __enter__(self) -> Self:
        self._file.remove()  # a killed run left it
        return self

    def __exit__(self, *_: object) -> None:
        self._task.close()
        self._file.remove()

    def update(self) -> None:
        """Show the last step, if it is another one than before."""
        step, shown = self._file.read(), self._shown
        if step is None or step == shown:
            return
        if self._advance is None or shown is None or step.name() != shown.name() or step.step < shown.step:
            self._task.close()
            self._advance = self._task.enter_context(self._progress.task(step.name(), step.steps))
            shown = None
        steps = step.step - (shown.step if shown else 0)
        is_evaluating = step.step == step.steps and step.phase == EPOCH
        where = "evaluating" if is_evaluating else step.words()
        self._advance(steps, where, steps * self._batch)
        self._shown = step


def begin_line(splits: Mapping[str, int], epochs: int, steps: int, done: int, *, on_ray: bool) -> str:
    """Word the beginning of a training, for its first epoch takes long to end.

    Args:
        splits: how many images each split has.
        epochs: how many there will be, those done among them.
        steps: of each epoch.
        done: epochs of them that have ended in an earlier run.
        on_ray: whether Ray has to start its processes first.
    """
    counts = ", ".join(f"{count} {split}" for split, count in sorted(splits.items()))
    rest = f", {done} done before" if done else ""
    start = "; Ray takes up to a minute to start" if on_ray else ""
    return f"begins        images: {counts}; {epochs} epochs of {steps} steps{rest}{start}"


def _left(results: Sequence[EpochResult], epochs: int) -> str:
    """Tell how long so many epochs will take, by those of this run; its first, which starts slowly, tells nothing."""
    lasted = [later.seconds - earlier.seconds for earlier, later in pairwise(results)]
    return f"; about {median(lasted) * epochs:.0f} s left" if lasted and epochs else ""
