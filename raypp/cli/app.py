"""The `raypp` command."""

import os
import signal
import sys
from collections.abc import Callable
from threading import Event
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from raypp import __version__
from raypp.cli.commands import COMMANDS, load_command, stopped_words
from raypp.cli.console import error_console, name_command
from raypp.cli.exit_codes import ExitCode
from raypp.cli.flags import with_flags
from raypp.errors import OptionError, PinError, RayppError
from raypp.io.log_record import FORMAT_VARIABLE, LogFormat

_TERMINATED = Event()
"""Whether SIGTERM stopped the command."""


class _Table(TyperGroup):
    """The commands of the table: told of by their summaries, and loaded when they are called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {
            name: TyperCommand(name, help=entry.summary, rich_help_panel=entry.reader)
            for name, entry in COMMANDS.items()
        }

    def list_commands(self, _context: Any) -> list[str]:
        """Return the commands in the order of the table."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Load the command that is called."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            name_command(name)
            command = load_command(name)
        return name, command, rest


def build() -> typer.Typer:
    """Build the command line."""
    app = typer.Typer(
        name="raypp",
        cls=_Table,
        help="Privacy-preserving computer vision: veil video, train and serve detectors on the veil.",
        pretty_exceptions_enable=False,  # tracebacks with locals could show a key
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    return app


def main() -> None:
    """Entry point of the `raypp` command."""
    _guard(build(), next(iter(sys.argv[1:]), None))


def run_command(command: Callable[..., None], name: str, before: Callable[[], None] | None = None) -> None:
    """Run one command as a program of its own, such as a submitted job.

    Args:
        command: the command.
        name: its name in the table.
        before: is called before its options are read.
    """
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(command)
    name_command(name)
    _guard(app, name, before)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit(ExitCode.DONE)


def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option(help=f"How lines on standard error are written (default: {FORMAT_VARIABLE}).")
    ] = None,
) -> None:
    if log_format is not None:
        os.environ[FORMAT_VARIABLE] = log_format
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """Stop the command as Ctrl-C does; Ray's core passes no other exception on from where it waits."""
    _TERMINATED.set()
    raise KeyboardInterrupt


def _guard(app: typer.Typer, name: str | None, before: Callable[[], None] | None = None) -> None:
    """Run an app so that an error of ours is one line and a non-zero status, and never a traceback."""
    stopped = f"raypp: {stopped_words(name)}"
    signal.signal(signal.SIGTERM, _terminate)
    try:
        if before:
            before()
        app()
    except PinError as error:
        _say_error(error)
        sys.exit(ExitCode.PIN)
    except RayppError as error:
        _say_error(error)
        sys.exit(ExitCode.FAILED)
    except KeyboardInterrupt:
        _last_console("WARNING").print(stopped)
        _end_stopped()
    except SystemExit as end:
        if end.code == ExitCode.INTERRUPTED:  # typer's own answer to Ctrl-C within a command, without a word
            _last_console("WARNING").print(stopped)
            _end_stopped()
        raise


def _say_error(error: RayppError) -> None:
    _last_console("ERROR").print(with_flags(f"raypp: {error}"), highlight=False, markup=False)


def _last_console(level: str) -> Console:
    """Return the console for a command's last words; plain text where the format of logs itself is wrong."""
    try:
        return error_console(level)
    except OptionError:
        return Console(stderr=True, soft_wrap=True)


def _end_stopped() -> NoReturn:
    if _TERMINATED.is_set():
        sys.exit(ExitCode.TERMINATED)
    sys.exit(ExitCode.INTERRUPTED)
