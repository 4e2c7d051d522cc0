"""How much a run may tell at most, in bits: counted from what the manifest declares, whatever the tool computes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log2

from raypp.toolbox.manifest import Choices, NamesOf, NumberRange, OutputTable, ToolManifest
from raypp.toolbox.rules import Rule

LevelsOf = Mapping[NamesOf, int]
"""How many names of each kind the data have."""


@dataclass(frozen=True)
class TableBits:
    """Count the bits of one table.

    Attributes:
        name: of the table.
        rows: that it may have.
        levels: different values of each column.
        bits: rows x the sum of log2(levels), and log2(rows + 1) for how many rows there are.
    """

    name: str
    rows: int
    levels: dict[str, int]
    bits: float


def table_bits(name: str, table: OutputTable, names: LevelsOf) -> TableBits:
    """Count the bits of a table.

    Args:
        name: of the table.
        table: as declared.
        names: how many names the data have; where a kind is missing, there is one.
    """
    levels = {}
    for column, kind in table.columns.items():
        if isinstance(kind, NumberRange):
            levels[column] = kind.levels
        elif isinstance(kind, Choices):
            levels[column] = len(kind.choices)
        else:
            levels[column] = max(names.get(kind.names, 0), 1)
    bits = table.rows * sum(log2(number) for number in levels.values()) + log2(table.rows + 1)
    return TableBits(name, table.rows, levels, bits)


def run_bits(manifest: ToolManifest, names: LevelsOf) -> int:
    """Return the bits that a run may tell at most, rounded up; that it was refused, and by which rule, counts too."""
    tables = sum(table_bits(name, table, names).bits for name, table in manifest.writes.items())
    return ceil(tables + log2(len(Rule) + 1))


def bit_lines(manifest: ToolManifest, names: LevelsOf) -> Iterator[str]:
    """Word the count, a line for each table and one for the whole."""
    for name, table in manifest.writes.items():
        counted = table_bits(name, table, names)
        columns = " + ".join(f"log2({number})" for number in counted.levels.values())
        yield f"{name}: {counted.rows} rows x ({columns}) + log2({counted.rows + 1}) = {counted.bits:.1f} bits"
    yield f"in all, with ok or refused by one of {len(Rule)} rules: {run_bits(manifest, names)} bits"
