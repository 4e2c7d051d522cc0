"""The cameras of a site, as one YAML file that may be changed while the agent runs."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.sources import check_sources
from raypp.errors import ContentError, OptionError, WireError
from raypp.geometry.rectangle import Rectangle
from raypp.io.content import read_content
from raypp.io.problems import joined, problems
from raypp.io.yaml import MOST_BYTES, read_yaml
from raypp.wire.messages import check_wire_name

DEFAULT_RATE = Fraction(2)
MOST_VIEWS = 16
LEAST_SIDE = 0.02
"""Least width and height of a view, as a fraction of the frame's."""


def rate_of(value: Any) -> Fraction | None:
    """Read a rate: frames per second such as 2 or 1/5, or "every"; raises ValueError."""
    if value is None or value == "every":
        return None
    try:
        rate = Fraction(value)
    except (TypeError, ValueError, ZeroDivisionError):
        raise ValueError(f"{value!r} is no rate: give frames per second, such as 2 or 1/5, or every") from None
    if not 0 < rate <= 1000:
        raise ValueError(f"{value} must be above 0 and at most 1000")
    return rate


def _sources(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _rectangle(value: Any) -> Any:
    """Read a part of the frame: [left, top, right, bottom], fractions of it; raises ValueError."""
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


def _watch(value: Any) -> Any:
    return {True: {}, False: None}.get(value, value) if isinstance(value, bool) else value


class CameraSettings(BaseModel):
    """One camera.

    Attributes:
        source: a live URL or device; or recordings: files, folders, URLs.
        fps: frames per second to sample; None for every frame.
        realtime: read recordings at the pace of their own time.
        time_from, timezone: where the capture time of recordings comes from, as for `raypp veil`.
        watch: how its health is watched; None (false) does not.
        views: parts of its frames, by name, each veiled at the whole size and streamed as a camera of its own.
        whole: whether the whole frames are streamed, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[tuple[str, ...], BeforeValidator(_sources)] = Field(min_length=1, repr=False)
    fps: Annotated[Fraction | None, BeforeValidator(rate_of)] = DEFAULT_RATE
    realtime: bool = False
    time_from: str | None = None
    timezone: str = "UTC"
    watch: Annotated[CameraHealthSettings | None, BeforeValidator(_watch)] = CameraHealthSettings()
    views: dict[str, Annotated[Rectangle, BeforeValidator(_rectangle)]] = Field(
        default_factory=dict, max_length=MOST_VIEWS
    )
    whole: bool = True

    @field_validator("views")
    @classmethod
    def _named(cls, views: dict[str, Rectangle]) -> dict[str, Rectangle]:
        for name in views:
            try:
                check_wire_name(name, "view")
            except WireError as error:
                raise ValueError(str(error)) from None
        return views

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.whole and not self.views:
            raise ValueError("`whole: false` leaves nothing to stream; give `views`, or leave `whole` out")
        return self

    def streams(self, name: str) -> dict[str, Rectangle | None]:
        """Return the names of its streams, with the part of the frame that each shows; None for the whole."""
        whole: dict[str, Rectangle | None] = {name: None} if self.whole else {}
        return whole | {f"{name}.{view}": part for view, part in self.views.items()}


class SiteCameras(BaseModel):
    """The cameras of a site, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cameras: dict[str, CameraSettings]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            OptionError: naming the file, the field and what is wrong.
        """
        try:
            document = read_yaml(read_content(path, MOST_BYTES))
        except ContentError as error:
            raise OptionError(f"cameras file {path} {error}; see docs/how-to/cameras.md for the form") from None
        try:
            read = cls.model_validate(document)
        except ValidationError as error:
            reasons = problems(error, cls, document, values=False)  # a camera's address may hold its password
            raise OptionError(
                joined(f"cameras file {path}", reasons, "see docs/how-to/cameras.md for the form")
            ) from None
        for name, settings in read.cameras.items():
            check_camera(name, settings)
        check_streams(read.cameras)
        return read


def check_camera(name: str, settings: CameraSettings) -> None:
    """Raise OptionError if a camera's name, those of its views, or its sources cannot be used."""
    try:
        for stream in (name, *settings.streams(name)):
            check_wire_name(stream, "camera")
    except WireError as error:
        raise OptionError(str(error)) from None
    check_sources(settings.source, name)


def check_streams(cameras: Mapping[str, CameraSettings]) -> None:
    """Raise OptionError if two streams would have one name: the service knows a stream by its name alone."""
    owners: dict[str, str] = {}
    for name, settings in cameras.items():
        for stream in {name: None, **settings.streams(name)}:
            if stream in owners:
                raise OptionError(
                    f"camera {owners[stream]} and camera {name} would both have a stream {stream}: the stream of a "
                    "view is named CAMERA.VIEW; rename one of them"
                )
            owners[stream] = name
