"""Privacy masks: polygons per camera, painted over before a frame is veiled."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from raypp.errors import OptionError
from raypp.io.settings_file import read_settings_file
from raypp.media.frame import PADDING

_FORM = "see docs/how-to/masks.md for the form"

Polygon = tuple[tuple[float, float], ...]

_DILATION_PIXELS = 2  # resizing blends neighbours, so a mask reaches a little further than its polygon
_MOST_KEPT_PIXELS = 1 << 25
ANY_CAMERA = "*"


@dataclass(frozen=True)
class Mask:
    """Polygons of one camera, in coordinates normalised to the source's frame."""

    polygons: tuple[Polygon, ...]
    _rasters: dict[tuple[int, int], npt.NDArray[np.bool_]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical polygons, hex."""
        return hashlib.sha256(json.dumps(self.polygons).encode()).hexdigest()

    def paint(self, pixels: npt.NDArray[np.uint8], content_width: int, content_height: int) -> None:
        """Paint the polygons grey in place.

        Args:
            pixels: uint8[H, W, 3], a window whose content lies at the top left.
            content_width: width of the content, in pixels.
            content_height: height of the content, in pixels.
        """
        size = (content_width, content_height)
        if size not in self._rasters:
            if sum(raster.size for raster in self._rasters.values()) > _MOST_KEPT_PIXELS:
                self._rasters.clear()  # images of a set may be of any number of sizes
            self._rasters[size] = self._raster(*size)
        content = pixels[:content_height, :content_width]
        content[self._rasters[size]] = PADDING

    def _raster(self, width: int, height: int) -> npt.NDArray[np.bool_]:
        margin = _DILATION_PIXELS  # a polygon along the border is dilated from beyond it, too
        image = Image.new("L", (width + 2 * margin, height + 2 * margin))
        draw = ImageDraw.Draw(image)
        for polygon in self.polygons:
            points = [(x * width + margin, y * height + margin) for x, y in polygon]
            draw.polygon(points, fill=255)
            draw.line([*points, points[0]], fill=255)  # Pillow leaves gaps in thin slanting polygons
        dilated = np.asarray(image.filter(ImageFilter.MaxFilter(2 * margin + 1)))
        return dilated[margin:-margin, margin:-margin] > 0


@dataclass(frozen=True)
class MaskSet:
    """Masks by camera: the most specific of "site/camera", "camera" and "*" counts."""

    masks: dict[str, Mask]

    def strangers(self, cameras: Iterable[tuple[str, str]]) -> list[str]:
        """Return the names that no (site, camera) answers to, sorted: misspelt ones, most likely."""
        known = {name for site, camera in cameras for name in (f"{site}/{camera}", camera)}
        return sorted(set(self.masks) - known - {ANY_CAMERA})

    def for_camera(self, site: str, camera: str) -> Mask | None:
        """Return the mask of a camera, or None."""
        for name in (f"{site}/{camera}", camera, ANY_CAMERA):
            if name in self.masks:
                return self.masks[name]
        return None


def load_masks(path: Path) -> MaskSet:
    """Read masks from JSON or YAML: {camera: [[[x, y], ...], ...]}, coordinates in [0, 1].

    Raises:
        OptionError: naming the file, the camera and the polygon that is wrong.
    """
    document = read_settings_file(path, "masks file", _FORM, as_written=True)  # a camera may be named 007
    if not isinstance(document, dict):
        raise OptionError(f"masks file {path} must map camera names to polygons; {_FORM}")
    return MaskSet({str(camera): _mask(camera, polygons, path) for camera, polygons in document.items()})


def _mask(camera: object, polygons: object, path: Path) -> Mask:
    if not isinstance(polygons, list):
        raise OptionError(f"masks file {path}: camera {camera} must have a list of polygons")
    return Mask(tuple(_polygon(camera, number, points, path) for number, points in enumerate(polygons, 1)))


def _polygon(camera: object, number: int, points: object, path: Path) -> Polygon:
    where = f"masks file {path}: camera {camera}, polygon {number}"
    try:
        polygon = tuple((float(x), float(y)) for x, y in points)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise OptionError(f"{where} must be a list of [x, y] points") from None
    if len(polygon) < 3:
        raise OptionError(f"{where} has {len(polygon)} points, needs at least 3")
    if any(not 0 <= value <= 1 for point in polygon for value in point):
        raise OptionError(f"{where} leaves the frame: coordinates are fractions of width and height, 0 to 1")
    return polygon
