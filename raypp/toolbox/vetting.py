"""What may leave of a run: declared tables, rounded, without small cells; or nothing, by the number of a rule."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from re import compile as pattern

from raypp.errors import RayppError
from raypp.sandbox.run import SandboxOutcome
from raypp.toolbox.manifest import Choices, NamesOf, NumberRange, OutputTable, ToolManifest, plain_number
from raypp.toolbox.rules import Rule

DataNames = Mapping[NamesOf, frozenset[str]]
"""Names that stand in the data, by kind."""
_NUMBER = pattern(r"-?[0-9]{1,16}(\.[0-9]{1,40})?(e[-+]?[0-9]{1,2})?")


class BrokenRuleError(RayppError):
    """Refuse a run: which rule it broke, and for the owner alone, how."""

    def __init__(self, rule: Rule, words: str) -> None:
        super().__init__(words)
        self.rule = rule


@dataclass(frozen=True)
class VettedTable:
    """A table that may leave.

    Attributes:
        columns: names, as declared.
        rows: texts, sorted, so that their order tells nothing.
        small: how many rows stay inside, since their cell counts less than the policy's least; for the owner alone.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    small: int


def vet(outcome: SandboxOutcome, manifest: ToolManifest, names: DataNames, least_cell: int) -> dict[str, VettedTable]:
    """Return the tables that may leave, by name.

    Args:
        outcome: of the run.
        manifest: what was declared.
        names: that stand in the data.
        least_cell: rows whose cell counts less stay inside.

    Raises:
        BrokenRuleError: if anything is not as declared; then nothing leaves.
    """
    if outcome.ended != 0:
        ended = "did not end by its deadline, or broke off" if outcome.ended is None else _ending(outcome.ended)
        raise BrokenRuleError(Rule.ENDED_BADLY, f"the tool {ended}")
    if outcome.undeclared or outcome.unfit or set(outcome.files) != set(manifest.outputs):
        unfit = ", ".join(f"{name} is {kind}" for name, kind in outcome.unfit.items())
        missing = sorted(set(manifest.outputs) - set(outcome.files) - set(outcome.unfit))
        raise BrokenRuleError(
            Rule.FILES,
            f"{outcome.undeclared} undeclared files; missing: {', '.join(missing) or 'none'}; unfit: {unfit or 'none'}",
        )
    return {
        name: _table(name, table, outcome.files[f"{name}.csv"], names, least_cell)
        for name, table in manifest.writes.items()
    }


def _ending(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"


def _table(name: str, table: OutputTable, content: bytes, names: DataNames, least_cell: int) -> VettedTable:
    try:
        lines = list(csv.reader(io.StringIO(content.decode("ascii"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BrokenRuleError(Rule.FORM, f"{name} is no table of ASCII text ({type(error).__name__})") from None
    columns = tuple(table.columns)
    if not lines or tuple(lines[0]) != columns:
        raise BrokenRuleError(Rule.FORM, f"{name} must begin with the line {','.join(columns)}")
    if any(len(line) != len(columns) for line in lines):
        raise BrokenRuleError(Rule.FORM, f"{name} has a line that has not {len(columns)} values")
    if len(lines) - 1 > table.rows:
        raise BrokenRuleError(Rule.ROWS, f"{name} has {len(lines) - 1} rows, declared are {table.rows}")
    rows = [
        tuple(
            _value(name, column, text, names, kind)
            for (column, kind), text in zip(table.columns.items(), line, strict=True)
        )
        for line in lines[1:]
    ]
    at = columns.index(table.cell)
    kept = sorted(row for row in rows if Decimal(row[at]) >= least_cell)
    return VettedTable(columns, tuple(kept), len(rows) - len(kept))


def _value(table: str, column: str, text: str, names: DataNames, kind: object) -> str:
    """Return a value as it may leave: a number as its nearest step, a text as it was declared."""
    if isinstance(kind, NumberRange):
        if _NUMBER.fullmatch(text) and (rounded := kind.rounded(Decimal(text))) is not None:
            return plain_number(rounded)
        raise BrokenRuleError(Rule.VALUES, f"{table}, {column}: {text[:40]!a} is no number of its range")
    allowed = kind.choices if isinstance(kind, Choices) else names.get(kind.names, frozenset())  # type: ignore[attr-defined]
    if text not in allowed:
        raise BrokenRuleError(Rule.VALUES, f"{table}, {column}: {text[:40]!a} is none of its texts")
    return text
