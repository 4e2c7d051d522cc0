"""Views of a camera: parts of its frames, each veiled at the whole size as a camera of its own."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator, model_validator

from raypp.errors import MediaError
from raypp.geometry.rectangle import Rectangle
from raypp.text.names import check_stream_name

MOST_VIEWS = 16
LEAST_SIDE = 0.02
"""Least width and height of a view, as a fraction of the frame's."""
LEAST_PIXELS = 32
"""Least width and height of a view, in pixels of the source."""


class View(NamedTuple):
    """One way to see a camera's frames: the whole of them, or a part.

    Attributes:
        camera: the name by which its frames are known: the camera's own, or CAMERA.VIEW.
        name: the part's name; None for the whole.
        rectangle: the part; None for the whole.
    """

    camera: str
    name: str | None = None
    rectangle: Rectangle | None = None

    @property
    def source_camera(self) -> str:
        """The camera whose frames it shows."""
        return self.camera if self.name is None else self.camera.removesuffix(f".{self.name}")

    def shape(self, width: int, height: int) -> tuple[int, int]:
        """Return its width and height in frames of this size; raises MediaError if a part has too few pixels."""
        if self.rectangle is None:
            return width, height
        shape = self.rectangle.shape(width, height)
        if min(shape) < LEAST_PIXELS:
            raise MediaError(
                f"view {self.camera} is {shape[0]}x{shape[1]} pixels of {width}x{height}, must be at least "
                f"{LEAST_PIXELS} each way; enlarge it in `views`, or if frames of this camera are veiled "
                "already, veil it as another `camera`"
            )
        return shape


def _rectangle(value: Any) -> Any:
    """Read a part of the frame: [left, top, right, bottom], fractions of it; raises ValueError."""
    if isinstance(value, Rectangle):
        return value
    try:
        left, top, right, bottom = (float(edge) for edge in value)
    except (TypeError, ValueError):
        raise ValueError("must be [left, top, right, bottom], fractions of the frame") from None
    if not (0 <= left <= 1 and 0 <= top <= 1 and 0 <= right <= 1 and 0 <= bottom <= 1):
        raise ValueError("leaves the frame: edges are fractions of its width and height, 0 to 1")
    if right - left < LEAST_SIDE or bottom - top < LEAST_SIDE:
        raise ValueError(
            f"is too small: from left to right, and from top to bottom, it must take at least {LEAST_SIDE:g} of the "
            "frame"
        )
    return Rectangle(left, top, right, bottom)


def _edges(part: Rectangle) -> list[float]:
    return [part.left, part.top, part.right, part.bottom]


Part = Annotated[Rectangle, BeforeValidator(_rectangle), PlainSerializer(_edges)]
"""A part of a frame, written as [left, top, right, bottom], fractions of it."""


class CameraViews(BaseModel):
    """Views of a camera's frames, which are veiled.

    Attributes:
        views: parts of its frames, by name, each veiled at the whole size as a camera of its own.
        whole: whether the whole frames are veiled, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    views: dict[str, Part] = Field(default_factory=dict, max_length=MOST_VIEWS)
    whole: bool = True

    @field_validator("views")
    @classmethod
    def _named(cls, views: dict[str, Rectangle]) -> dict[str, Rectangle]:
        for name in views:
            check_stream_name(name, "view")
        return views

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.whole and not self.views:
            raise ValueError("`whole: false` leaves nothing to veil; give `views`, or leave `whole` out")
        return self

    def of(self, camera: str) -> tuple[View, ...]:
        """Return the views of a camera of this name, the whole first if there is one."""
        parts = [View(f"{camera}.{name}", name, part) for name, part in self.views.items()]
        return (View(camera), *parts) if self.whole else tuple(parts)


def clash(cameras: Mapping[str, Iterable[View]]) -> str | None:
    """Say which two cameras would both have frames of one name; None if none would.

    Args:
        cameras: the views of each camera, by its name, which nothing else may have even where it has no whole frames.
    """
    owners: dict[str, str] = {}
    for name, views in cameras.items():
        for stream in dict.fromkeys([name, *(view.camera for view in views)]):
            if stream in owners:
                return (
                    f"camera {owners[stream]} and camera {name} would both have a stream {stream}: the stream of a "
                    "view is named CAMERA.VIEW; rename one of them"
                )
            owners[stream] = name
    return None
