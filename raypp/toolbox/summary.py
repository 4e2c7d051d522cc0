"""What is told of a run: to a researcher, and to whoever tries a tool on mock data."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, TypeAdapter

from raypp.toolbox.rules import Rule
from raypp.toolbox.vetting import VettedTable


class ReleasedTable(BaseModel):
    """A table as it leaves: columns, and rows of texts."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, table: VettedTable) -> "ReleasedTable":
        """Return it without what is for the owner alone."""
        return cls(columns=table.columns, rows=table.rows)


class TriedTool(BaseModel):
    """A run on mock data, of which everything may be seen.

    Attributes:
        tool, version, digest: of the tool.
        parameters: of the run.
        bits: that such a run may tell at most.
        refused_by: number of the rule that it broke; None: it is vetted.
        words: how it broke the rule.
        small: rows that stayed inside, by table.
        tables: what would leave.
        seconds: how long the run took.
        messages: what the tool wrote to standard output and standard error.
    """

    model_config = ConfigDict(frozen=True)

    tool: str
    version: str
    digest: str
    parameters: dict[str, str]
    bits: int
    refused_by: Rule | None
    words: str
    small: dict[str, int]
    tables: dict[str, ReleasedTable]
    seconds: float
    messages: str


_TABLES = TypeAdapter(dict[str, ReleasedTable])


def tables_as_json(tables: Mapping[str, VettedTable]) -> str:
    """Return tables as the ledger keeps them."""
    return _TABLES.dump_json({name: ReleasedTable.of(table) for name, table in tables.items()}).decode()


def tables_of_json(text: str | None) -> dict[str, ReleasedTable]:
    """Return tables that the ledger has kept; none for None."""
    return {} if text is None else _TABLES.validate_json(text)


class ReleasedRun(BaseModel):
    """A run as a researcher sees it.

    Attributes:
        run: its number.
        tool, version: of the tool.
        parameters: of the run.
        outcome: "ok", or "refused by rule N".
        tables: what leaves; none where it was refused.
    """

    model_config = ConfigDict(frozen=True)

    run: int
    tool: str
    version: str
    parameters: dict[str, str]
    outcome: str
    tables: dict[str, ReleasedTable]


class ReleaseFile(BaseModel):
    """A batch of runs, as it leaves.

    Attributes:
        release: its number.
        researcher: to whom.
        runs: in the order in which they began.
    """

    model_config = ConfigDict(frozen=True)

    release: int
    researcher: str
    runs: tuple[ReleasedRun, ...]


class RanTool(BaseModel):
    """A run as its owner sees it.

    Attributes:
        run: its number.
        tool, version, digest: of the tool.
        researcher: for whom it ran.
        bits: that it was charged with.
        refused_by: number of the rule that it broke; None: it waits for its release.
        words: how it broke the rule.
        small: rows that stay inside, by table.
        tables: what may leave.
        seconds: how long it ran.
        messages: what the tool wrote.
        unbounded: what was not bounded on the machine.
    """

    model_config = ConfigDict(frozen=True)

    run: int
    tool: str
    version: str
    digest: str
    researcher: str
    bits: int
    refused_by: int | None
    words: str
    small: dict[str, int]
    tables: dict[str, ReleasedTable]
    seconds: float
    messages: str
    unbounded: tuple[str, ...]
