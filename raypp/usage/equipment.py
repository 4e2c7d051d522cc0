"""Settings of safety equipment: which item is worn where, what shows it, and what shows a person."""

from enum import Enum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from raypp.usage.rules import Fraction, RuleName, Rules

PERSON = "person"
"""The class that shows a person where the settings name none."""


class BodyPart(Enum):
    """Where an item is worn."""

    HEAD = "head"
    EYES = "eyes"
    TORSO = "torso"
    HANDS = "hands"
    FEET = "feet"


class Equipment(Rules):
    """One item of safety equipment."""

    item: RuleName = Field(description="what zones and reports call it")
    on: BodyPart = Field(description="part of the body on which it is worn")
    yes: tuple[RuleName, ...] = Field((), max_length=20, description="classes that show it worn")
    no: tuple[RuleName, ...] = Field((), max_length=20, description="classes that show that it is not worn")
    seen: tuple[RuleName, ...] = Field(
        (), max_length=20, description="classes that show the part of the body, such as face; else its place decides"
    )
    min_cells: Annotated[float, Field(ge=0, le=1000)] = Field(
        2.0, description="smallest item of which anything is said: root of its area, in cells of the veil"
    )
    count: Literal[1, 2] = Field(1, description="how many of it a person wears: 2 for gloves and shoes")
    min_confidence: Fraction = Field(0.25, description="detections below it are not looked at")

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes that it looks at."""
        return (*self.yes, *self.no, *self.seen)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.yes and not self.no:
            raise ValueError("has no class; name in `yes` what shows it, or in `no` what shows that it is missing")
        for name in self.classes:
            if self.classes.count(name) > 1:
                raise ValueError(f"class {name} stands twice; a class says one thing")
        if self.count == 2 and self.on not in (BodyPart.HANDS, BodyPart.FEET):
            raise ValueError(f"`count: 2` is for hands and feet, not for {self.on.value}")
        return self


class PeopleRules(Rules):
    """How people are followed."""

    classes: tuple[RuleName, ...] = Field(
        (), max_length=20, description="classes that show a person; none: person, or else items on head and torso"
    )
    min_confidence: Fraction = Field(0.25, description="people found with less are not looked at")
    cells: Annotated[int, Field(ge=8, le=4096)] = Field(
        80, description="cells of the veil along the longer side of the image: its size over that of a cell"
    )
    max_missing_s: Annotated[float, Field(gt=0, le=60)] = Field(
        3.0, description="a person who is not seen for longer is another one then"
    )
    hold_s: Annotated[float, Field(ge=0, le=10)] = Field(
        0.5, description="an item that is not seen for at most so long is as it was before"
    )
