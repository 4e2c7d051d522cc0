"""The terminal of a command: lines as they are, and progress that suits its reader."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from raypp.io.log_record import LogFormat, json_line, log_format
from raypp.progress import Advance, LineProgress, time_left

_SILENT_S = 20.0
"""How long a log says nothing, before the same place is told again: the reader sees that work goes on."""
_COMMAND = {"name": "raypp"}
"""Which command this process runs."""


class ConsoleProgress:
    """Shows progress on a console: live bars on a terminal, anywhere else lines, five to forty seconds apart.

    Args:
        console: where to print; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or error_console()
        self._lines = LineProgress(self.say, _SILENT_S)

    def say(self, line: str) -> None:
        """Print one line as it is."""
        self.console.print(line, highlight=False, markup=False)

    @contextmanager
    def task(self, name: str, total: float, *, steady: bool = True) -> Iterator[Advance]:
        """Show one task of `total` units of work; gives the function that reports advances."""
        with (self._bar if self.console.is_terminal else self._lines.task)(name, total, steady=steady) as advance:
            yield advance

    @contextmanager
    def _bar(self, name: str, total: float, *, steady: bool) -> Iterator[Advance]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[where]}  {task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        started, frames = monotonic(), 0
        with Bars(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(name, total=max(total, 1e-9), where="", rate="", left="")
            done = 0.0

            def advance(work: float, where: str, new_frames: int) -> None:
                nonlocal frames, done
                frames, done = frames + new_frames, done + work
                elapsed = monotonic() - started
                rate = f"{frames / max(elapsed, 1e-9):.0f} frames/s" if frames else ""
                left = time_left(done, total, elapsed) if steady else ""
                bar.update(task, advance=work, where=where, rate=rate, left=left)

            yield advance


class JsonConsole(Console):
    """A console on standard error that writes each line as JSON.

    Args:
        component: what speaks, the command's name.
        level: of its lines.
    """

    def __init__(self, component: str, level: str = "INFO") -> None:
        super().__init__(stderr=True, soft_wrap=True, force_terminal=False)
        self._component, self._level = component, level

    def print(self, *objects: Any, **_: Any) -> None:
        """Write the lines of what is given."""
        with self.capture() as captured:
            super().print(*objects, highlight=False, markup=False)
        for line in filter(None, map(str.strip, captured.get().splitlines())):
            sys.stderr.write(json_line(self._component, line, self._level) + "\n")
        sys.stderr.flush()


def error_console(level: str = "INFO") -> Console:
    """Return a console on standard error, which breaks no line, and writes JSON where that is wanted.

    Args:
        level: of its lines of JSON.
    """
    if log_format() is LogFormat.JSON:
        return JsonConsole(_COMMAND["name"], level)
    return Console(stderr=True, soft_wrap=True)


def name_command(name: str) -> None:
    """Have lines of JSON say which command this process runs."""
    _COMMAND["name"] = name


def say_address(address: str) -> None:
    """Print a page's address on standard output: it holds a secret, which no log of ours keeps."""
    Console(soft_wrap=True).print(address, highlight=False, markup=False)


def say(console: Console, lines: Iterable[str]) -> None:
    """Print lines as they are, whatever they hold."""
    for line in lines:
        console.print(line, highlight=False, markup=False)
