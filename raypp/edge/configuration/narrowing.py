"""A site's cameras as a configuration has them: never more than the site's own files show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from raypp.edge.cameras_file import CameraSettings
from raypp.edge.configuration.document import ConfiguredCamera, DeviceConfiguration
from raypp.edge.configuration.refusal import ConfigurationRefusal, ConfigurationRefusedError
from raypp.media.masks import MaskSet, Polygon


@dataclass(frozen=True)
class EffectiveCameras:
    """Cameras as they are to be captured.

    Attributes:
        cameras: by name; those that are not captured are not among them.
        masks: polygons of each, the site's own and those of the configuration; None: the site's file is used as it is.
    """

    cameras: dict[str, CameraSettings]
    masks: dict[str, tuple[Polygon, ...]] | None = None


def narrow_cameras(
    site: str, cameras: Mapping[str, CameraSettings], masks: MaskSet | None, configuration: DeviceConfiguration | None
) -> EffectiveCameras:
    """Apply a configuration: rates are the lower ones, views those of both, masks those of either.

    Args:
        site: name of the site.
        cameras: of the site's own file.
        masks: likewise; None: there is none.
        configuration: what the owner has signed; None: nothing.
    """
    if configuration is None:
        return EffectiveCameras(dict(cameras))
    wanted = {name: configuration.cameras.get(name) or ConfiguredCamera() for name in cameras}
    shown = {name: _narrowed(cameras[name], camera) for name, camera in wanted.items() if camera.capture}
    kept = {name: settings for name, settings in shown.items() if settings is not None}
    if not any(camera.masks for camera in configuration.cameras.values()):
        return EffectiveCameras(kept)
    painted = {}
    for name in cameras:
        own = masks.for_camera(site, name) if masks is not None else None
        painted[name] = (*(own.polygons if own is not None else ()), *wanted[name].polygons)
    return EffectiveCameras(kept, painted)


def require_no_more(cameras: Mapping[str, CameraSettings], configuration: DeviceConfiguration) -> None:
    """Raise ConfigurationRefusedError if a configuration asks for more than the site's own file shows."""
    more = "; ".join(_more(cameras, configuration))
    if more:
        words = f"it asks for more than the site's own cameras file shows: {more}"
        raise ConfigurationRefusedError(ConfigurationRefusal.SHOWS_MORE, words)


def _more(cameras: Mapping[str, CameraSettings], configuration: DeviceConfiguration) -> Iterator[str]:
    for name, wanted in configuration.cameras.items():
        settings = cameras.get(name)
        if settings is None:
            yield f"{name} is none of its cameras"
            continue
        if wanted.fps is not None and _lower(settings.fps, wanted.rate) != wanted.rate:
            yield f"{name}: {wanted.fps} frames/s, and the file has {settings.fps or 'every'}"
        if wanted.whole and not settings.whole:
            yield f"{name}: whole frames, and the file has views alone"
        if strange := sorted(set(wanted.views or ()) - settings.views.keys()):
            yield f"{name}: views {', '.join(strange)}, which the file does not have"


def _narrowed(settings: CameraSettings, wanted: ConfiguredCamera) -> CameraSettings | None:
    """Return a camera's settings, or None where nothing of it is left to capture."""
    views = {name: part for name, part in settings.views.items() if wanted.views is None or name in wanted.views}
    whole = settings.whole and wanted.whole is not False
    if not whole and not views:
        return None
    fps = settings.fps if wanted.fps is None else _lower(settings.fps, wanted.rate)
    return settings.model_copy(update={"fps": fps, "views": views, "whole": whole})


def _lower(first: Fraction | None, second: Fraction | None) -> Fraction | None:
    """Return the lower of two rates; None is every frame."""
    rates = [rate for rate in (first, second) if rate is not None]
    return min(rates, default=None)
