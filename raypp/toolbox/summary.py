"""What is told of a run: to a researcher, and to whoever tries a tool on mock data."""

from pydantic import BaseModel, ConfigDict

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
