"""A node of a lineage: something that something else was made from."""

from collections.abc import Iterator
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class LineageKind(StrEnum):
    """Kinds of nodes."""

    MODEL = "model"
    CODE = "code"
    WEIGHTS = "initial weights"
    FIT = "fit"
    DATASET = "dataset"
    LABELS = "labels"
    ARCHIVE = "archive"
    SOURCE = "source"
    VEIL = "veil"
    KEY = "key"
    CERTIFICATE = "certificate"


class LineageNode(BaseModel):
    """One node, with the nodes that it comes from."""

    model_config = ConfigDict(frozen=True)

    kind: LineageKind
    name: str = Field(description="digest or name")
    facts: dict[str, str] = Field({}, description="what is known of it, by name")
    at_us: int | None = Field(None, description="when it was written, microseconds since 1970; none where unknown")
    origins: "tuple[LineageNode, ...]" = Field((), description="what it comes from")

    def walk(self) -> "Iterator[LineageNode]":
        """Yield this node and all below it."""
        yield self
        for origin in self.origins:
            yield from origin.walk()

    def first(self, kind: LineageKind) -> "LineageNode | None":
        """Return the first node of a kind, this one included, or None."""
        return next((node for node in self.walk() if node.kind is kind), None)
