"""The desk behind the page: images held in memory, their counts, and what a person corrected."""

import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from raypp.counting.corrections import CorrectedImage, Corrections
from raypp.counting.counter import ImageCount, ImageCounter
from raypp.counting.plain_image import DecodeOptions, PlainImage, held_image
from raypp.counting.summary import class_total
from raypp.errors import OptionError, UnknownNameError
from raypp.geometry.boxes import Edges

MOST_BYTES = 64 << 20
_MOST_HELD = 200
_WIDTH, _QUALITY = 1280, 85
_MOST_BOXES = 5000

_Pixel = Annotated[float, Field(ge=0, le=65_536, allow_inf_nan=False)]


class _DrawnBox(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    class_name: str = Field(alias="class", max_length=200)
    left: _Pixel
    top: _Pixel
    right: _Pixel
    bottom: _Pixel


class _Correction(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    boxes: Annotated[tuple[_DrawnBox, ...], Field(max_length=_MOST_BOXES)]


@dataclass(frozen=True)
class _Held:
    """An image on the desk: its count, a small JPEG, and whether a person corrected it."""

    count: ImageCount
    jpeg: bytes
    corrected: bool = False


class ImageDesk:
    """Counts images that come one by one; of their pixels, only small copies are held, and nothing is written.

    Args:
        counter: counts.
        options: how images are decoded.
        corrections: takes what a person corrected; None to take it for this page alone.
    """

    most_bytes = MOST_BYTES

    def __init__(self, counter: ImageCounter, options: DecodeOptions, corrections: Corrections | None = None) -> None:
        self._counter, self._options, self._corrections = counter, options, corrections
        self._held: dict[int, _Held] = {}
        self._contents: dict[int, str | None] = {}
        self._next = 0
        self._lock = threading.Lock()

    def about(self) -> Mapping[str, Any]:
        """Return classes, unit and limits, and what was counted so far."""
        with self._lock:
            return {
                "classes": self._counter.rules.classes,
                "unit": self._counter.scale.unit,
                "most_bytes": self.most_bytes,
                "images": [self._entry(number) for number in self._held],
                "totals": self._totals(),
            }

    def count(self, name: str, content: bytes) -> Mapping[str, Any]:
        """Count on an image.

        Raises:
            MediaError: if it cannot be decoded.
            OptionError: if the desk is full, or a region does not fit.
        """
        image = held_image(content, name, self._options)
        with self._lock:
            if len(self._held) >= _MOST_HELD:
                raise OptionError(f"{_MOST_HELD} images are on this page; load it again by `raypp count serve`")
            number, self._next = self._next, self._next + 1
            self._held[number] = _Held(self._counter.count(image), _small(image))
            self._contents[number] = self._corrections.sample_id(image) if self._corrections else None
            return {"image": self._entry(number), "totals": self._totals()}

    def image(self, number: int) -> bytes | None:
        """Return a small JPEG of an image, or None."""
        held = self._held.get(number)
        return held.jpeg if held else None

    def correct(self, document: Any) -> Mapping[str, Any]:
        """Take boxes that a person corrected, and keep them where corrections are kept.

        Raises:
            ValidationError: if the document is malformed.
            OptionError: if a box lies outside the image, or has a class that is none.
        """
        correction = _Correction.model_validate(document)
        with self._lock:
            held = self._held.get(correction.number)
            if held is None:
                raise UnknownNameError(f"image {correction.number} is no longer held; drop it again")
            boxes = [self._checked(box, held.count) for box in correction.boxes]
            count = replace(held.count, objects=self._counter.objects(boxes), cannot_tell=None)
            note = self._keep(correction.number, count, boxes)
            self._held[correction.number] = replace(held, count=count, corrected=True)
            return {"image": self._entry(correction.number), "totals": self._totals(), "note": note}

    def _checked(self, box: _DrawnBox, count: ImageCount) -> tuple[int, Edges]:
        classes = self._counter.rules.classes
        if box.class_name not in classes:
            raise OptionError(f"class {box.class_name} is none of {', '.join(classes)}; choose one")
        if not (box.left < box.right <= count.width and box.top < box.bottom <= count.height):
            raise OptionError(f"a box of {box.class_name} is empty or leaves the image; draw it anew")
        return classes.index(box.class_name), (box.left, box.top, box.right, box.bottom)

    def _keep(self, number: int, count: ImageCount, boxes: Sequence[tuple[int, Edges]]) -> str:
        if self._corrections is None:
            return "Corrected on this page alone."
        sample_id = self._contents[number]
        if sample_id is None:
            return f"Corrected on this page alone: {count.name} is no image of the archive."
        self._corrections.keep(CorrectedImage(sample_id, count.width, count.height, tuple(boxes)))
        return f"Kept in {self._corrections.path}."

    def _entry(self, number: int) -> dict[str, Any]:
        held = self._held[number]
        count = held.count
        return {
            "number": number,
            "name": count.name,
            "width": count.width,
            "height": count.height,
            "cannot_tell": count.cannot_tell,
            "corrected": held.corrected,
            "boxes": [
                {"class": each.class_name, **dict(zip(("left", "top", "right", "bottom"), each.edges, strict=True))}
                for each in count.objects
            ],
        }

    def _totals(self) -> list[dict[str, Any]]:
        counts = [held.count for held in self._held.values() if held.count.cannot_tell is None]
        return [class_total(self._counter, counts, name).model_dump() for name in self._counter.rules.classes]


def _small(image: PlainImage) -> bytes:
    small = Image.fromarray(image.pixels_HW3)
    small.thumbnail((_WIDTH, _WIDTH))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=_QUALITY)
    return content.getvalue()
