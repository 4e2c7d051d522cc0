"""The ledger that a command works on, and the lines that it prints."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from raypp.cli.console import error_console
from raypp.errors import OptionError

if TYPE_CHECKING:
    from raypp.ledger.store import Ledger

LedgerUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        envvar="RAYPP_LEDGER",
        show_envvar=False,
        help="The ledger: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME (default: RAYPP_LEDGER).",
    ),
]
SiteName = Annotated[str, typer.Argument(help="Name of the site.")]
PurgeWait = Annotated[
    float, typer.Option(help="Seconds to wait for readers that keep what was deleted in SQLite's log.", min=0)
]


def opened_ledger(url: str | None, *, create: bool = False, upgrade: bool = False) -> "Ledger":
    """Open the ledger that a command names; raises OptionError where it names none.

    Args:
        url: its URL.
        create: whether to make one where there is none.
        upgrade: whether to bring one that is there up to date.
    """
    from raypp.ledger.store import Ledger

    if not url:
        raise OptionError("no ledger named; give --ledger, or set RAYPP_LEDGER, such as sqlite:///ledger.db")
    return Ledger.open(url, create=create, upgrade=upgrade)


def say(line: str) -> None:
    """Print a line of a command's result."""
    Console(soft_wrap=True).print(line, highlight=False, markup=False)


def note(line: str) -> None:
    """Print a line beside a command's result, on standard error."""
    error_console().print(line, highlight=False, markup=False)
