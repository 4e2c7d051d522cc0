"""Progress of work that takes long, told to whoever asked for it: a terminal, a job's log, a notebook."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Protocol

Advance = Callable[[float, str, int], None]
"""Called with (work done since the last call, a word on where we are, frames done since the last call)."""

_LINE_EVERY_S = 5.0
_TELLS_FROM, _TELLS_FROM_S = 0.1, 15.0
"""Share of the work and seconds from which the pace says something of the rest: the first steps start things."""


class Progress(Protocol):
    """Takes the progress of work."""

    def task(self, name: str, total: float) -> AbstractContextManager[Advance]:
        """Begin one task of `total` units of work; gives the function that reports advances."""

    def say(self, line: str) -> None:
        """Tell one line, such as the result of an epoch."""


class LineProgress:
    """Tells progress in plain lines, one for each task every five seconds at most.

    Args:
        say: is given each line, without its line feed; by default nobody is told.
    """

    def __init__(self, say: Callable[[str], object] | None = None) -> None:
        self._say = say

    def say(self, line: str) -> None:
        """Tell one line."""
        if self._say is not None:
            self._say(line)

    @contextmanager
    def task(self, name: str, total: float) -> Iterator[Advance]:
        """Tell how far a task of `total` units is; gives the function that reports advances."""
        started = shown_at = monotonic()
        done, frames = 0.0, 0

        def advance(work: float, where: str, new_frames: int) -> None:
            nonlocal shown_at, done, frames
            done += work
            frames += new_frames
            now = monotonic()
            if now - shown_at < _LINE_EVERY_S:
                return
            shown_at = now
            elapsed = now - started
            left = time_left(done, total, elapsed)
            rate = f", {frames / elapsed:.0f} frames/s" if frames else ""
            share = 100 * done / total if total else 100
            place = f", {where}" if where else ""
            self.say(f"{name}: {share:.0f} %{place}{rate}, {elapsed:.0f} s gone{', ' if left else ''}{left}")

        yield advance


SILENT: Progress = LineProgress()
"""Tells nobody."""


def time_left(done: float, total: float, elapsed_s: float) -> str:
    """Say about how long the rest will take, as `about 30 s left`; nothing while the pace tells nothing yet.

    Args:
        done: units of work that are done.
        total: units in all.
        elapsed_s: that the part which is done took, in seconds.
    """
    if elapsed_s < _TELLS_FROM_S or not 0 < done < total or done < _TELLS_FROM * total:
        return ""
    return f"about {elapsed_s * (total - done) / done:.0f} s left"
