"""Regions of interest: polygons of images, outside of which nothing counts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from raypp.errors import ContentError, OptionError
from raypp.geometry.boxes import Edges, Point, centre
from raypp.geometry.polygons import inside
from raypp.io.content import read_content
from raypp.io.fault import first_fault
from raypp.io.json import read_json

ANY_IMAGE = "*"
_MOST_BYTES = 4_000_000

_Coordinate = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Polygon = Annotated[tuple[tuple[_Coordinate, _Coordinate], ...], Field(min_length=3, max_length=1000)]
_REGIONS: TypeAdapter[dict[str, tuple[Polygon, ...]]] = TypeAdapter(
    dict[str, Annotated[tuple[Polygon, ...], Field(min_length=1, max_length=100)]]
)


class RegionSet:
    """Polygons by the name of the image, in pixels; `*` stands for every image that is not named.

    Args:
        where: the file, for messages.
        polygons: by image.
    """

    def __init__(self, where: str, polygons: Mapping[str, tuple[tuple[Point, ...], ...]]) -> None:
        self._where = where
        self._polygons = polygons

    @classmethod
    def load(cls, path: Path) -> "RegionSet":
        """Read a JSON file; raises OptionError if it is none."""
        try:
            return cls(str(path), _REGIONS.validate_python(read_json(read_content(path, _MOST_BYTES))))
        except ContentError as error:
            raise OptionError(f"`roi` {path} {error}; give polygons in pixels by the image's name") from None
        except ValidationError as error:
            raise OptionError(
                f'`roi` {path}: {first_fault(error)}; give such as {{"*": [[[0, 0], [640, 0], [640, 480]]]}}'
            ) from None

    def of(self, image: str, width: int, height: int) -> tuple[tuple[Point, ...], ...] | None:
        """Return the regions of an image, None for all of it.

        Raises:
            OptionError: if a region reaches beyond the image.
        """
        polygons = self._polygons.get(image, self._polygons.get(ANY_IMAGE))
        for number, polygon in enumerate(polygons or (), 1):
            for x, y in polygon:
                if x > width or y > height:
                    raise OptionError(
                        f"`roi` {self._where}: region {number} of {image} has a corner at ({x:g}, {y:g}), outside of "
                        f"the image's {width}x{height} pixels; correct it"
                    )
        return polygons

    def check_names(self, images: tuple[str, ...]) -> None:
        """Raise OptionError for a region of an image that is not among those counted."""
        strangers = sorted(set(self._polygons) - set(images) - {ANY_IMAGE})
        if strangers:
            raise OptionError(f"`roi` {self._where} names {strangers[0]}, which is not counted; correct the name")


def in_region(edges: Edges, polygons: tuple[tuple[Point, ...], ...] | None) -> bool:
    """Whether a box's middle lies in one of the polygons; always without any."""
    return polygons is None or any(inside(centre(edges), polygon) for polygon in polygons)
