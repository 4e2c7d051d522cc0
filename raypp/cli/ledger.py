"""The ledgers that a command works on, and the lines that it prints."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.control import strip_control_codes

from raypp.cli.console import error_console
from raypp.errors import OptionError

if TYPE_CHECKING:
    from raypp.ledger.ledgers import Ledgers
    from raypp.ledger.store import Ledger

LEDGER_HELP = (
    "The ledger: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME; several: a settings file .yaml with `ledgers` "
    "(default: RAYPP_LEDGER)."
)
LedgerUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        envvar="RAYPP_LEDGER",
        show_envvar=False,
        help=LEDGER_HELP,
    ),
]
LedgerArgument = Annotated[
    str | None,
    typer.Argument(
        envvar="RAYPP_LEDGER",
        show_envvar=False,
        help=LEDGER_HELP,
    ),
]
SiteName = Annotated[str, typer.Argument(help="Name of the site.")]
PurgeWait = Annotated[
    float, typer.Option(help="Seconds to wait for readers that keep what was deleted in SQLite's log.", min=0)
]


def opened_ledgers(named: str | None, *, create: bool = False, upgrade: bool = False) -> "Ledgers":
    """Open the ledgers that a command names; raises OptionError where it names none.

    Args:
        named: as `LedgerList.parse` reads it.
        create: whether to make them where there are none, and never were.
        upgrade: whether to bring those that are there up to date.
    """
    from raypp.ledger.known_ledgers import KnownLedgers
    from raypp.ledger.ledger_list import LedgerList
    from raypp.ledger.ledgers import Ledgers

    if not named:
        raise OptionError("no ledger named; give --ledger, or set RAYPP_LEDGER, such as sqlite:///ledger.db")
    known = KnownLedgers.of_account()
    return Ledgers.open(LedgerList.parse(named), create=create, upgrade=upgrade, known=known)


@contextmanager
def opened_ledger(
    named: str | None, site: str | None = None, *, create: bool = False, upgrade: bool = False
) -> "Iterator[Ledger]":
    """Open the ledger that a command works on; raises OptionError where it names several, and none has to be it.

    Args:
        named: as for `opened_ledgers`.
        site: of several, the one that has this site; None: there must be one alone.
        create: whether to make one where there is none.
        upgrade: whether to bring one that is there up to date.
    """
    with opened_ledgers(named, create=create, upgrade=upgrade) as opened:
        if site is None and opened.only is None:
            raise OptionError(f"this works on one ledger, and {len(opened.members)} are named; give the URL of one")
        yield opened.home.ledger() if site is None else opened.of(site)


def say(line: str) -> None:
    """Print a line of a command's result."""
    Console(soft_wrap=True).print(line, highlight=False, markup=False)


def say_all(lines: Iterable[str]) -> None:
    """Print many lines of a command's result at once."""
    typer.echo(strip_control_codes("\n".join(lines)))  # a console would lay out each line


def note(line: str) -> None:
    """Print a line beside a command's result, on standard error."""
    error_console().print(line, highlight=False, markup=False)
