"""Tables that break neither a word nor a number where a terminal is narrow."""

from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from raypp.text.wording import counted


def plain_table(title: str, heads: Sequence[str], numeric: Collection[int]) -> Table:
    """Begin a table without lines.

    Args:
        title: stands above it.
        heads: of the columns.
        numeric: places of the columns of numbers, which are right-aligned.
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number in numeric else "left", overflow="fold")
    return table


def fitted(table: Table) -> Table:
    """Let each column be as wide as its longest word, or number, at least; numbers are right-aligned.

    Args:
        table: with all its rows.

    Returns:
        The same table.
    """
    for column in table.columns:
        is_number = column.justify == "right"
        parts = [part for cell in column.cells for part in ([str(cell)] if is_number else str(cell).split())]
        column.min_width = max(map(len, [*str(column.header).split(), *parts]), default=1)
    return table


def say_left_out(console: Console, count: int, noun: str) -> None:
    """Say how many rows a table leaves out, and where all are; nothing where it has all."""
    if count > 0:
        _say(console, f"\n{counted(count, noun)} left out; --out DIR and --json FILE have all")


def say_written(console: Console, files: Sequence[Path]) -> None:
    """Say which files were written, if any were."""
    if files:
        _say(console, f"\nwrote {', '.join(map(str, files))}")


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
