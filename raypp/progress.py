"""Progress that suits its reader: a live bar on a terminal, plain lines in a job's log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[float, str, int], None]
"""Called with (work done since the last call, a word on where we are, frames done since the last call)."""

_LINE_EVERY_S = 5.0
_TELLS_FROM, _TELLS_FROM_S = 0.1, 15.0
"""Share of the work and seconds from which the pace says something of the rest: the first steps start things."""


class Reporter:
    """Shows the progress of tasks on a console.

    Args:
        console: where to print; a terminal gets live bars, anything else a line every five seconds.
    """

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def task(self, name: str, total: float) -> Iterator[Advance]:
        """Show one task of `total` units of work; gives the function that reports advances."""
        if self.console.is_terminal:
            with self._bar(name, total) as advance:
                yield advance
        else:
            yield self._lines(name, total)

    @contextmanager
    def _bar(self, name: str, total: float) -> Iterator[Advance]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[where]}  {task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        started, frames = monotonic(), 0
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(name, total=max(total, 1e-9), where="", rate="", left="")
            done = 0.0

            def advance(work: float, where: str, new_frames: int) -> None:
                nonlocal frames, done
                frames, done = frames + new_frames, done + work
                elapsed = monotonic() - started
                rate = f"{frames / max(elapsed, 1e-9):.0f} frames/s" if frames else ""
                bar.update(task, advance=work, where=where, rate=rate, left=time_left(done, total, elapsed))

            yield advance

    def _lines(self, name: str, total: float) -> Advance:
        started = said = monotonic()
        done, frames = 0.0, 0

        def advance(work: float, where: str, new_frames: int) -> None:
            nonlocal said, done, frames
            done += work
            frames += new_frames
            now = monotonic()
            if now - said < _LINE_EVERY_S:
                return
            said = now
            elapsed = now - started
            left = time_left(done, total, elapsed)
            rate = f", {frames / elapsed:.0f} frames/s" if frames else ""
            share = 100 * done / total if total else 100
            place = f", {where}" if where else ""
            self.console.print(
                f"{name}: {share:.0f} %{place}{rate}, {elapsed:.0f} s gone{', ' if left else ''}{left}", markup=False
            )

        return advance


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
