"""Counting on one image: from boxes to objects, or to why nothing can be told."""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from raypp.counting.counted_object import CountedObject, DetectedBox
from raypp.counting.focus import Focus, measure_focus
from raypp.counting.pixel_scale import PixelScale
from raypp.counting.plain_image import PlainImage
from raypp.counting.region import RegionSet, in_region
from raypp.counting.sizes import box_aspect, box_diameter
from raypp.counting.tile_detector import TileDetector
from raypp.counting.tiles import ImageTile, plan_tiles
from raypp.detect.count_calibration import CountCalibration
from raypp.errors import OptionError
from raypp.geometry.boxes import Edges, areas

_OF_AGGLOMERATE = 0.6
"""Share of a member's box within an agglomerate's beyond which it is counted with that."""
_LEAST_MEMBERS = 2


@dataclass(frozen=True)
class CountRules:
    """Rules by which boxes count.

    Attributes:
        classes: names of the classes, by class_id.
        thresholds: least confidence of each class.
        calibration: whence they are, and how sizes are measured; None where a user gave a threshold.
    """

    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    calibration: CountCalibration | None = None

    @classmethod
    def of(
        cls, classes: Sequence[str], calibration: CountCalibration | None, threshold: float | None, where: str
    ) -> "CountRules":
        """Take the bundle's calibration, or one threshold for all classes.

        Raises:
            OptionError: if there is neither, or the threshold is out of range.
        """
        if threshold is not None:
            if not 0.1 <= threshold < 1:
                raise OptionError(f"`threshold` {threshold:g} must be 0.1 or more, below 1")
            return cls(tuple(classes), (threshold,) * len(classes))
        if calibration is None:
            raise OptionError(
                f"model {where} has no calibrated thresholds; run `raypp count calibrate`, or count without "
                "intervals by `threshold` 0.25"
            )
        return cls(tuple(classes), tuple(each.threshold for each in calibration.classes), calibration)

    @property
    def image_px(self) -> int:
        """Longer side of the images that the detector learned from; 0 where nobody says."""
        return self.calibration.image_px if self.calibration else 0

    def counting(self, boxes: Sequence[DetectedBox]) -> list[DetectedBox]:
        """Return the boxes that count: those above their threshold, but for members of an agglomerate."""
        kept = [box for box in boxes if box.confidence >= self.thresholds[box.class_id]]
        calibration = self.calibration
        if calibration is None or calibration.agglomerate is None:
            return kept
        return without_members(kept, calibration.agglomerate, calibration.member)


def without_members(boxes: Sequence[DetectedBox], agglomerate: int, member: int | None) -> list[DetectedBox]:
    """Leave out boxes of members that lie within an agglomerate's box."""
    whole = np.array([box.edges for box in boxes if box.class_id == agglomerate]).reshape(-1, 4)
    return [box for box in boxes if box.class_id != member or not _lies_within(box.edges, whole)]


def _lies_within(edges: Edges, whole_N4: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> bool:
    box = np.array(edges)
    shared = np.concatenate([np.maximum(box[:2], whole_N4[:, :2]), np.minimum(box[2:], whole_N4[:, 2:])], axis=1)
    return bool((areas(shared) > _OF_AGGLOMERATE * areas(box)).any())


@dataclass(frozen=True)
class ImageCount:
    """Count on an image.

    Attributes:
        name: of the image.
        width, height: its size, in pixels.
        objects: what counts, the most confident first.
        cannot_tell: why nothing can be told of the image; None where something can.
        focus: of the image.
    """

    name: str
    width: int
    height: int
    objects: tuple[CountedObject, ...]
    cannot_tell: str | None
    focus: Focus

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Number of objects by class."""
        return Tally(each.class_name for each in self.objects)


@dataclass(frozen=True)
class ImageCounter:
    """Counts on images.

    Attributes:
        detector: veils and detects.
        rules: which boxes count.
        scale: of the images.
        regions: where objects count; None for everywhere.
        tile_px: longest side of a tile; None for that of the calibration's images.
    """

    detector: TileDetector
    rules: CountRules
    scale: PixelScale
    regions: RegionSet | None = None
    tile_px: int | None = None

    def tiles(self, image: PlainImage) -> tuple[ImageTile, ...]:
        """Return the tiles of an image."""
        side = self.tile_px or self.rules.image_px or max(image.width, image.height)
        largest = self.rules.calibration.largest_px if self.rules.calibration else 0.0
        return plan_tiles(image.width, image.height, side, largest)

    def detect(self, image: PlainImage) -> list[DetectedBox]:
        """Return all boxes on an image, whether they count or not."""
        return self.detector.detect(image, self.tiles(image), self.tile_px or self.rules.image_px)

    def count(self, image: PlainImage) -> ImageCount:
        """Count on an image.

        Raises:
            OptionError: if a region reaches beyond it.
            SiteError: if a service does not detect.
        """
        polygons = self.regions.of(image.name, image.width, image.height) if self.regions else None
        focus = image_focus(image, self.tiles(image))
        reason = _too_poor(focus, self.rules.calibration)
        if reason is None:
            boxes = self.rules.counting(self.detect(image))
            objects = self._objects(boxes, polygons)
            reason = None if boxes else "nothing was detected: an empty field, or one that cannot be read"
        return ImageCount(image.name, image.width, image.height, () if reason else objects, reason, focus)

    def objects(self, boxes: Sequence[tuple[int, Edges]]) -> tuple[CountedObject, ...]:
        """Measure boxes that a person drew, as (class_id, edges)."""
        return self._objects([DetectedBox(class_id, 1.0, edges) for class_id, edges in boxes], None)

    def _objects(
        self, boxes: Sequence[DetectedBox], polygons: tuple[tuple[tuple[float, float], ...], ...] | None
    ) -> tuple[CountedObject, ...]:
        calibration = self.rules.calibration
        member_areas = [
            float(areas(np.array(box.edges))) for box in boxes if calibration and box.class_id == calibration.member
        ]
        return tuple(
            CountedObject(
                self.rules.classes[box.class_id],
                box.confidence,
                box.edges,
                self.scale.per_px
                * box_diameter(box.edges, calibration.classes[box.class_id].sizes if calibration else None),
                box_aspect(box.edges),
                _members(box, calibration, member_areas),
            )
            for box in boxes
            if in_region(box.edges, polygons)
        )


def image_focus(image: PlainImage, tiles: Sequence[ImageTile]) -> Focus:
    """Measure the focus of an image: that of the middle one of its tiles which show something."""
    each = [measure_focus(image.pixels_HW3[tile.top : tile.bottom, tile.left : tile.right]) for tile in tiles]
    contrast = max(focus.contrast for focus in each)
    shown = sorted(focus.sharpness for focus in each if 2 * focus.contrast >= contrast)
    return Focus(contrast, shown[len(shown) // 2])


def _too_poor(focus: Focus, calibration: CountCalibration | None) -> str | None:
    if calibration is None:
        return None
    if focus.contrast < calibration.least_contrast:
        return f"the field looks empty: contrast {focus.contrast:.1f}, at least {calibration.least_contrast:.1f}"
    if focus.sharpness < calibration.least_sharpness:
        return f"out of focus: sharpness {focus.sharpness:.2f}, at least {calibration.least_sharpness:.2f}"
    return None


def _members(box: DetectedBox, calibration: CountCalibration | None, member_areas: Sequence[float]) -> int | None:
    if calibration is None or box.class_id != calibration.agglomerate:
        return None
    if calibration.members_per_area is None or not member_areas:
        return None
    share = float(areas(np.array(box.edges))) / float(np.mean(member_areas))
    return max(_LEAST_MEMBERS, round(calibration.members_per_area * share))
