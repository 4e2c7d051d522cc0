"""The identity of an attack, as values."""

from pydantic import BaseModel, ConfigDict, Field


class AttackId(BaseModel):
    """Which attack it is: its family, and what the attacker has of each thing that a family leaves open.

    Attributes:
        family: such as `ridge`.
        variant: how the family is applied, such as `linear, aligned`; empty if there is one way only.
        pairs: plain images that it knows with their codes; None if it needs none.
        alignment: how codes are made like those of another key that the pairs are of; empty if they are of the
            victims' own.
        drawn_keys: keys that the attacker draws; None if it draws none.
        frames: of a burst of each scene; None if it sees one.
        merge: how a burst becomes one; empty if it sees one frame.
        keys: of the owner's, under which it sees each image; None if it sees it under one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    variant: str = ""
    pairs: int | None = Field(default=None, ge=1)
    alignment: str = ""
    drawn_keys: int | None = Field(default=None, ge=1)
    frames: int | None = Field(default=None, ge=1)
    merge: str = ""
    keys: int | None = Field(default=None, ge=1)

    @property
    def name(self) -> str:
        """Its name for people, such as `ridge, 6 pairs, votes of 16 frames`; no two attacks of a suite share one."""
        parts = [self.family, self.variant]
        if self.pairs is not None:
            other = f" of another key, {self.alignment}" if self.alignment else ""
            parts.append(f"{self.pairs} pair{'s' if self.pairs > 1 else ''}{other}")
        parts.append(f"{self.drawn_keys} drawn" if self.drawn_keys else "")
        parts.append(f"{self.merge} of {self.frames} frames" if self.frames else "")
        parts.append(f"under {self.keys} keys" if self.keys else "")
        return ", ".join(part for part in parts if part)

    def applied(self, **changes: object) -> "AttackId":
        """Return the same attack with some of these values changed, such as `keys=4`."""
        return AttackId.model_validate(self.model_dump() | changes)

    def __str__(self) -> str:
        return self.name
