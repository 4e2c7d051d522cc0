"""Saying what a training has come to, epoch by epoch, while it runs somewhere else."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

Epoch = TypeVar("Epoch")
_LOOK_S = 1.0


@contextmanager
def epochs_said(
    read: Callable[[], Sequence[Epoch]], epochs: int, say: Callable[[Epoch, float], None]
) -> Iterator[None]:
    """Say each epoch as its result appears, until the block ends.

    Args:
        read: reads the epochs that have ended, in order; those that are there at the begin are not said.
        epochs: how many there will be.
        say: is given an epoch, and how many seconds the rest will take.
    """
    ended = Event()

    def watch() -> None:
        started, first = monotonic(), len(read())
        said = first
        while True:
            last = ended.wait(_LOOK_S)
            results = read()
            for number, one in enumerate(results[said:], said + 1):
                say(one, (monotonic() - started) / (number - first) * (epochs - number))
            said = max(said, len(results))
            if last:
                return

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
