"""Tables that break neither a word nor a number where a terminal is narrow."""

from rich.table import Table


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
