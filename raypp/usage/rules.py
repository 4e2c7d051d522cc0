"""Rules of a site: which tool is in use when, at which stations of which cameras, in which shifts."""

from datetime import time
from enum import Enum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

EVERY_STATION = "*"

RuleName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
StationPolygon = Annotated[tuple[tuple[Fraction, Fraction], ...], Field(min_length=3, max_length=100)]


class Rules(BaseModel):
    """Base of all settings: frozen, strict, and no field that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Mode(Enum):
    """Condition by which a tool counts as in use at a frame."""

    PRESENT = "present"
    ABSENT = "absent"
    MOVING = "moving"
    IN_HAND = "in_hand"
    WORN = "worn"


class Day(Enum):
    """Days of the week, Monday first."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Shift(Rules):
    """A shift: a stretch of local time that comes again on some days of the week."""

    name: RuleName
    start: time = Field(description="local time at which it starts, such as 06:00")
    end: time = Field(description="local time at which it ends; not after the start: on the next day")
    days: tuple[Day, ...] = Field(tuple(Day), min_length=1, description="days on which it starts")

    @field_validator("start", "end", mode="before")
    @classmethod
    def _read_time(cls, value: object) -> object:
        """Read 06:00, 6:00 or 06:00:30; what is read stays as it is."""
        if not isinstance(value, str):
            return value
        try:
            return time.fromisoformat(f"0{value}" if value[1:2] == ":" else value)
        except ValueError:
            raise ValueError("is no time of day; write it as 06:00, and midnight as 00:00") from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.start.tzinfo or self.end.tzinfo:
            raise ValueError("times are local, without an offset; the site's time_zone fixes it")
        if len(set(self.days)) != len(self.days):
            raise ValueError("a day stands twice")
        return self


class CameraRules(Rules):
    """Facts about one camera."""

    aspect: Annotated[float, Field(ge=0.1, le=10)] = Field(
        16 / 9, description="width of its image over its height, so that distances across and along compare"
    )
    stations: dict[RuleName, StationPolygon] = Field(
        default_factory=dict, description="polygon of each station: points [x, y], fractions of the frame"
    )


class ToolRules(Rules):
    """When a tool, or a piece of safety equipment, counts as in use."""

    class_name: RuleName = Field(alias="class", description="class of the detector")
    name: RuleName | None = Field(None, description="what reports call it; the class if left out")
    mode: Mode = Field(Mode.PRESENT, description="what counts as use")
    stations: tuple[RuleName, ...] = Field(
        (), max_length=1000, description="stations at which it counts, or '*' for all; none: the whole frame"
    )
    min_on_s: Seconds = Field(1.0, description="an episode opens once the tool was in use for so long")
    max_gap_s: Seconds = Field(2.0, description="longest break within an episode")
    min_confidence: Fraction = Field(0.25, description="detections below it are not looked at")
    near: tuple[RuleName, ...] = Field((), description="in_hand: classes that hold it; worn: classes that wear it")
    reach: Fraction = Field(
        0.02, description="in_hand, worn: how far apart the two boxes may be, in widths of the image"
    )
    min_shift: Annotated[float, Field(gt=0, le=1)] = Field(
        0.01,
        description="moving: how far an edge of its box must move, in widths of the image; "
        "more than boxes tremble on a tool that lies",
    )
    max_hidden_s: Seconds = Field(
        10.0,
        description="moving: how long a hand may hide a tool, or its moving part; then it counts as put down, or gone",
    )

    @property
    def tool(self) -> str:
        """Return its name in reports."""
        return self.name or self.class_name

    @property
    def wearer(self) -> str:
        """Name under which the time is kept in which somebody who should wear it is seen."""
        return f"{self.tool} wearer"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = self.model_fields_set
        holds = self.mode in (Mode.IN_HAND, Mode.WORN)
        if self.mode is Mode.ABSENT and not self.stations:
            raise ValueError("mode absent needs the station that it is absent from; add `stations`")
        if holds and not self.near:
            raise ValueError(f"mode {self.mode.value} needs `near`, the classes such as hand or person")
        if not holds and given & {"near", "reach"}:
            raise ValueError(f"`near` and `reach` belong to modes in_hand and worn, not {self.mode.value}")
        if self.mode is not Mode.MOVING and given & {"min_shift", "max_hidden_s"}:
            raise ValueError(f"`min_shift` and `max_hidden_s` belong to mode moving, not {self.mode.value}")
        if self.class_name in self.near:
            raise ValueError(f"`near` names the tool's own class {self.class_name}; leave it out")
        if len(set(self.stations)) != len(self.stations):
            raise ValueError("a station stands twice")
        return self
