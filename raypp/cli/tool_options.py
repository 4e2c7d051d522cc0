"""Options that the commands of `raypp tool` share, and how they show a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.errors import OptionError
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.toolbox.summary import ReleasedTable

ToolPlace = Annotated[Path, typer.Argument(help="A tool's folder, or a file of `raypp tool pack`.")]
Parameters = Annotated[
    list[str] | None, typer.Option("--parameter", help="NAME=VALUE, within the tool's range; repeat.")
]
PolicyFile = Annotated[
    Path,
    typer.Option(
        envvar="RAYPP_TOOL_POLICY", show_envvar=False, help="The owner's policy (default: RAYPP_TOOL_POLICY)."
    ),
]
ToolReference = Annotated[str, typer.Argument(help="NAME (the newest), NAME@VERSION, or 8 digits of its digest.")]


def named_values(given: list[str] | None) -> dict[str, str]:
    """Return NAME=VALUE options as names and values; raises OptionError for what is none, or a name given twice."""
    values: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or name in values:
            raise OptionError(f"`parameter` {text}: give each name once, as NAME=VALUE")
        values[name] = value
    return values


def table_lines(name: str, table: "ReleasedTable") -> Iterator[str]:
    """Word a table that leaves."""
    widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    yield f"{name}: {counted(len(table.rows), 'row')}"
    for row in (table.columns, *table.rows):
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
