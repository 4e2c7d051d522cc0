"""Saying what a training has come to, epoch by epoch, while it runs somewhere else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from statistics import median
from threading import Event, Thread
from typing import TypeVar

from raypp.train.results import EpochResult

Epoch = TypeVar("Epoch", bound=EpochResult)
_LOOK_S = 1.0


@contextmanager
def epochs_said(read: Callable[[], Sequence[Epoch]], epochs: int, say: Callable[[Epoch, str], None]) -> Iterator[None]:
    """Say each epoch as its result appears, until the block ends.

    Args:
        read: reads the epochs that have ended, in order; those that are there at the begin are not said.
        epochs: how many there will be.
        say: is given an epoch, and what can be said of how long the rest will take, such as `; about 30 s left`.
    """
    ended, before = Event(), len(read())

    def watch() -> None:
        shown, last = before, False
        while not last:
            last = ended.wait(_LOOK_S)
            results = read()
            for number, result in enumerate(results[shown:], shown + 1):
                say(result, _left(results[before:number], epochs - number))
            shown = max(shown, len(results))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


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
