"""Sections of the document: facts, each with its evidence, and questions that a person answers."""

from pydantic import BaseModel, ConfigDict, Field

NOT_KNOWN = "not known"


class EvidencedFact(BaseModel):
    """One fact, and the file or record that it was read from.

    Attributes:
        name: what it is.
        value: as people read it; `NOT_KNOWN` where nothing tells.
        evidence: what it was read from, or why it is not known.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    value: str
    evidence: str


class Section(BaseModel):
    """One section of the document.

    Attributes:
        title: heading.
        facts: in the order in which they are read.
        questions: left to the data protection officer.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    facts: tuple[EvidencedFact, ...] = ()
    questions: tuple[str, ...] = ()


class DpiaDocument(BaseModel):
    """Result of `raypp dpia`."""

    model_config = ConfigDict(frozen=True)

    made_at: str = Field(description="when, ISO 8601 in UTC")
    raypp_version: str
    sections: tuple[Section, ...]


def unknown(name: str, reason: str) -> EvidencedFact:
    """Return the fact that something is not known, and why."""
    return EvidencedFact(name=name, value=NOT_KNOWN, evidence=reason)
