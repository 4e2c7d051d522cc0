"""Progress of work that takes long, told to whoever asked for it: a terminal, a job's log, a notebook."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Lock, Thread
from time import monotonic
from typing import Protocol

Advance = Callable[[float, str, int], None]
"""Called with (work done since the last call, a word on where we are, frames done since the last call)."""

_LINE_EVERY_S = 5.0
_TELLS_FROM, _TELLS_FROM_S = 0.1, 15.0
"""Share of the work and seconds from which the pace says something of the rest: the first steps start things."""


class Progress(Protocol):
    """Takes the progress of work."""

    def task(self, name: str, total: float, *, steady: bool = True) -> AbstractContextManager[Advance]:
        """Begin one task of `total` units of work; gives the function that reports advances.

        Args:
            name: of the task.
            total: units of work.
            steady: whether a unit costs about as much as another; else the pace tells nothing of the rest.
        """

    def say(self, line: str) -> None:
        """Tell one line, such as the result of an epoch."""


class LineProgress:
    """Tells progress in plain lines, one for each task every five seconds at most.

    Args:
        say: is given each line, without its line feed; by default nobody is told.
        silent_s: after how many seconds without a line a task tells again how far it is, from a thread of its own; it
            stays silent until work is done by default.
    """

    def __init__(self, say: Callable[[str], object] | None = None, silent_s: float | None = None) -> None:
        self._say, self._silent_s = say, silent_s

    def say(self, line: str) -> None:
        """Tell one line."""
        if self._say is not None:
            self._say(line)

    @contextmanager
    def task(self, name: str, total: float, *, steady: bool = True) -> Iterator[Advance]:
        """Tell how far a task of `total` units is; gives the function that reports advances."""
        task = _LineTask(name, total, self.say, steady=steady)
        if self._silent_s is None:
            yield task.advance
            return
        ended = Event()
        reminder = Thread(target=task.remind, args=(self._silent_s, ended), daemon=True)
        reminder.start()
        try:
            yield task.advance
        finally:
            ended.set()
            reminder.join()


class _LineTask:
    """How far one task is, and when that was told."""

    def __init__(self, name: str, total: float, say: Callable[[str], object], *, steady: bool) -> None:
        self._name, self._total, self._say, self._steady = name, total, say, steady
        self._started = self._shown_at = monotonic()
        self._done, self._frames, self._where = 0.0, 0, ""
        self._told, self._lock = False, Lock()

    def advance(self, work: float, where: str, new_frames: int) -> None:
        """Take in what was done, and tell it where the last line is old enough."""
        with self._lock:
            self._done += work
            self._frames += new_frames
            self._where = where
            if (now := monotonic()) - self._shown_at >= _LINE_EVERY_S:
                self._tell(now)

    def remind(self, silent_s: float, ended: Event) -> None:
        """Tell how far the task is, time and again, wherever nothing else did."""
        while not ended.wait(silent_s):
            with self._lock:
                if not self._told:
                    self._tell(monotonic())
                self._told = False

    def _tell(self, now: float) -> None:
        self._shown_at, self._told = now, True
        elapsed = now - self._started
        left = time_left(self._done, self._total, elapsed) if self._steady else ""
        rate = f", {self._frames / elapsed:.0f} frames/s" if self._frames else ""
        share = 100 * self._done / self._total if self._total else 100
        place = f", {self._where}" if self._where else ""
        self._say(f"{self._name}: {share:.0f} %{place}{rate}, {elapsed:.0f} s gone{', ' if left else ''}{left}")


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
