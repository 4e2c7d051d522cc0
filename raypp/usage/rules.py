"""Rules of a site: which tool is in use when, at which stations of which cameras, in which shifts."""

from datetime import time
from enum import Enum
from functools import cache
from itertools import combinations
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from raypp.geometry.polygons import polygons_overlap

EVERY_STATION = "*"


def is_left_out(value: object) -> bool:
    """Say whether a field is as if it were not given: it then changes no `settings_id`."""
    return not value


def _known_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("is no IANA time zone; write one such as Europe/Berlin or UTC")
    return name


@cache
def _time_zones() -> frozenset[str]:
    """Names of all time zones; to list them, hundreds of files are looked at."""
    return frozenset(available_timezones())


TimeZone = Annotated[str, AfterValidator(_known_zone)]
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


class LocalHours(Rules):
    """A stretch of local time that comes again on some days of the week."""

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


class Shift(LocalHours):
    """A shift: hours with a name."""

    name: RuleName


class Zone(Rules):
    """A part of a camera's image with rules for the people in it: whose feet are there."""

    polygon: StationPolygon = Field(description="border: points [x, y], fractions of the frame")
    require: tuple[RuleName, ...] = Field((), max_length=20, description="items of `equipment` to be worn in it")
    forbidden: bool = Field(False, description="whether nobody may be in it")
    most_people: Annotated[int, Field(ge=1, le=64)] | None = Field(None, description="how many people may be in it")
    alone: bool = Field(False, description="whether somebody alone in it is a violation")
    grace_s: Seconds = Field(3.0, description="so long a person may go without; what follows is a violation")
    min_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        1.0, description="a violation counts once it lasts for so long, breaks taken away"
    )
    max_gap_s: Seconds = Field(2.0, description="longest break within a violation")
    shifts: tuple[RuleName, ...] = Field((), max_length=100, description="shifts in which it counts; none: always")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the rules that it has."""
        rules = {
            "require": bool(self.require),
            "forbidden": self.forbidden,
            "most_people": self.most_people is not None,
            "alone": self.alone,
        }
        return tuple(kind for kind, has in rules.items() if has)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.kinds:
            raise ValueError("has no rule; give it `require`, `forbidden`, `most_people` or `alone`")
        if self.forbidden and len(self.kinds) > 1:
            raise ValueError("is forbidden, so it has no other rule; leave the others out, or `forbidden`")
        for what, names in (("item", self.require), ("shift", self.shifts)):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{what} {name} stands twice")
        return self


class CameraRules(Rules):
    """Facts about one camera."""

    aspect: Annotated[float, Field(ge=0.1, le=10)] = Field(
        16 / 9, description="width of its image over its height, so that distances across and along compare"
    )
    stations: dict[RuleName, StationPolygon] = Field(
        default_factory=dict, description="polygon of each station: points [x, y], fractions of the frame"
    )
    zones: dict[RuleName, Zone] = Field(
        default_factory=dict,
        max_length=100,
        exclude_if=is_left_out,
        description="parts of its image with rules for people",
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for (name, zone), (other_name, other) in combinations(self.zones.items(), 2):
            kinds = [kind for kind in zone.kinds if kind in other.kinds]
            if kinds and polygons_overlap(zone.polygon, other.polygon):
                raise ValueError(
                    f"zones {name} and {other_name} overlap, and both have `{kinds[0]}`; "
                    "draw them apart, or make one zone of them"
                )
        return self


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
