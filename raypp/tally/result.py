"""What a tally opens."""

from pydantic import BaseModel, ConfigDict, Field


class FigureResult(BaseModel):
    """Hold what was opened of a figure; None for what was not asked for."""

    model_config = ConfigDict(frozen=True)

    name: str
    parties: int | None = Field(None, description="that had the figure; none while it is closed")
    closed: str | None = Field(None, description="why nothing was opened; none where something was")
    sum: float | None = None
    mean: float | None = None
    median: float | None = None
    quartiles: tuple[float, float, float] | None = Field(None, description="of the inclusive method")
    rank: int | None = Field(None, description="of this party alone: 1 has the largest; equal ones share it")
    cells: dict[str, int | None] | None = Field(None, description="sums by cell; none: closed")


class TallyResult(BaseModel):
    """Result of a tally, as one party has it: all have the same but for the rank."""

    model_config = ConfigDict(frozen=True)

    name: str
    plan: str = Field(description="digest of the plan, 64 hex digits")
    party: str = Field(description="whose result this is")
    parties: tuple[str, ...]
    figures: tuple[FigureResult, ...]
    seconds: float = Field(description="of the computation, once all were connected")
    bytes_sent: int
