"""A command of raypp as a submitted job: it runs on Ray unless told otherwise."""

from collections.abc import Callable
from typing import Any

from raypp.cli.app import run_command
from raypp.execution import provide


def run_job(
    command: Callable[..., None],
    work: str,
    execute: Callable[..., Any],
    before: Callable[[], None] | None = None,
) -> None:
    """Run a command on the cluster that this process was submitted to, or on a local Ray.

    Args:
        command: the command.
        work: what it does on Ray, which is the command's name, too.
        execute: does it there; the program need not be installed.
        before: is called before its options are read.
    """
    provide(work, execute)
    run_command(command, work, before)
