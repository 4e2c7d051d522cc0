"""Scores of a detector."""

from pydantic import BaseModel, ConfigDict, Field


class ClassScores(BaseModel):
    """Scores of one class."""

    model_config = ConfigDict(frozen=True)

    name: str
    labels: int = Field(description="labelled boxes")
    precision: float = Field(description="at the confidence of best F1")
    recall: float = Field(description="at the confidence of best F1")
    map50: float
    map50_95: float


class Scores(BaseModel):
    """Scores of a detector, by the standard definition of mean average precision."""

    model_config = ConfigDict(frozen=True)

    samples: int
    labels: int
    precision: float
    recall: float
    map50: float = Field(description="mean average precision at IoU 0.5")
    map50_95: float = Field(description="mean over IoU 0.5, 0.55 ... 0.95")
    classes: tuple[ClassScores, ...] = Field(description="classes that are labelled at all")


class EvaluationSubject(BaseModel):
    """Which detector was evaluated, and on which frames."""

    model_config = ConfigDict(frozen=True)

    model_id: str | None = Field(description="SHA-256 of the exported file; null for a run of training")
    veil_id: str
    dataset_version: str
    labels_version: str
    split: str
    engine: str | None = Field(description="as it was chosen; null for torch, as it was trained")
