"""The cameras of a site, as one YAML file that may be changed while the agent runs."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.sources import check_sources
from raypp.errors import OptionError, WireError
from raypp.geometry.rectangle import Rectangle
from raypp.io.settings_file import as_model, read_settings_file
from raypp.media.camera_views import CameraViews, clash
from raypp.wire.messages import check_wire_name

DEFAULT_RATE = Fraction(2)


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


def _watch(value: Any) -> Any:
    return {True: {}, False: None}.get(value, value) if isinstance(value, bool) else value


class CameraSettings(CameraViews):
    """One camera, with its views.

    Attributes:
        source: a live URL or device; or recordings: files, folders, URLs.
        fps: frames per second to sample; None for every frame.
        realtime: read recordings at the pace of their own time.
        time_from, timezone: where the capture time of recordings comes from, as for `raypp veil`.
        watch: how its health is watched; None (false) does not.
    """

    source: Annotated[tuple[str, ...], BeforeValidator(_sources)] = Field(min_length=1, repr=False)
    fps: Annotated[Fraction | None, BeforeValidator(rate_of)] = DEFAULT_RATE
    realtime: bool = False
    time_from: str | None = None
    timezone: str = "UTC"
    watch: Annotated[CameraHealthSettings | None, BeforeValidator(_watch)] = CameraHealthSettings()

    def streams(self, name: str) -> dict[str, Rectangle | None]:
        """Return the names of its streams, with the part of the frame that each shows; None for the whole."""
        return {view.camera: view.rectangle for view in self.of(name)}


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
        kind, form = "cameras file", "see docs/how-to/cameras.md for the form"
        document = read_settings_file(path, kind, form)
        read = as_model(cls, document, f"{kind} {path}", form, values=False)  # a camera's address may hold its password
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
    reason = clash({name: settings.of(name) for name, settings in cameras.items()})
    if reason is not None:
        raise OptionError(reason)
