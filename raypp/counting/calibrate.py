"""Calibration of a detector that is to count: thresholds by class, sizes, members and focus, from labelled images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypp.counting.counted_object import DetectedBox
from raypp.counting.counter import ImageCounter, image_focus, without_members
from raypp.counting.focus import Focus
from raypp.counting.pixel_scale import PixelScale
from raypp.counting.plain_image import DecodeOptions, read_image
from raypp.counting.sizes import calibrate_sizes
from raypp.counting.tile_detector import COUNT_SETTINGS
from raypp.counting.truth import TrueDataset, TrueObject, match_objects
from raypp.detect.count_calibration import ClassCalibration, CountCalibration
from raypp.errors import OptionError
from raypp.geometry.boxes import Edges, areas
from raypp.progress import SILENT, Progress

AGGLOMERATE = "agglomerate"
_THRESHOLDS = np.round(np.arange(COUNT_SETTINGS.confidence, 0.951, 0.01), 2)
_NEARLY_BEST = 0.005
"""Share of the total by which a threshold may be off more than the best one, to be off less image by image."""
_OF_LEAST_CONTRAST, _OF_LEAST_SHARPNESS = 0.4, 0.6


@dataclass(frozen=True)
class _Seen:
    """An image of calibration: all boxes, the labelled and the measured objects, in pixels, and its focus."""

    boxes: tuple[DetectedBox, ...]
    truth: tuple[TrueObject, ...]
    measured: tuple[TrueObject, ...]
    focus: Focus
    side: int


def calibrate_counting(
    counter: ImageCounter,
    dataset: TrueDataset,
    agglomerate: str | None = None,
    options: DecodeOptions = DecodeOptions(),  # noqa: B008 - it never changes
    progress: Progress = SILENT,
) -> CountCalibration:
    """Calibrate on images that the detector was not trained on, veiled in memory as those to be counted.

    Args:
        counter: of the detector; its scale is that of the measured sizes.
        dataset: labelled images.
        agglomerate: class whose objects consist of others; None for one of that name, where there is one.
        options: how images are decoded.
        progress: is told how far it is.

    Raises:
        OptionError: if classes differ, a class has no object in these images, or sizes come without a scale.
    """
    classes = counter.rules.classes
    if classes != dataset.classes:
        raise OptionError(f"the dataset has classes {', '.join(dataset.classes)}, the model {', '.join(classes)}")
    if dataset.sizes and counter.scale.unit == "px":
        raise OptionError("the dataset has sizes in micrometres; give the images' `scale`, such as 0.8um/px")
    if agglomerate is not None and agglomerate not in classes:
        raise OptionError(f"`agglomerate` {agglomerate} is no class of the model: {', '.join(classes)}")
    whole = classes.index(agglomerate or AGGLOMERATE) if (agglomerate or AGGLOMERATE) in classes else None
    seen = []
    with progress.task("calibrating", len(dataset.images)) as advance:
        for labelled in dataset.images:
            image = read_image(str(labelled.path), options)
            seen.append(
                _Seen(
                    tuple(counter.detect(image)),
                    labelled.in_pixels(image.width, image.height),
                    dataset.measured(labelled),
                    image_focus(image, counter.tiles(image)),
                    max(image.width, image.height),
                )
            )
            advance(1, "", 1)
    return _calibration(seen, classes, whole, dataset.split, counter.scale)


def _calibration(
    seen: Sequence[_Seen], classes: tuple[str, ...], whole: int | None, split: str, scale: PixelScale
) -> CountCalibration:
    member = None if whole is None or len(classes) < 2 else _commonest(seen, whole)
    thresholds: dict[int, float] = {}
    for class_id in sorted(range(len(classes)), key=lambda number: number != whole):
        thresholds[class_id] = _threshold(seen, class_id, classes[class_id], thresholds, whole, member)
    kept = [_counting(each, thresholds, whole, member) for each in seen]
    calibrated = []
    for class_id in range(len(classes)):
        pairs = [
            (boxes[box].edges, diameter / scale.per_px)
            for boxes, each in zip(kept, seen, strict=True)
            for box, other in match_objects([(box.class_id, box.edges) for box in boxes], each.measured)
            if boxes[box].class_id == class_id and (diameter := each.measured[other].diameter)
        ]
        calibrated.append(
            ClassCalibration(
                threshold=thresholds[class_id],
                counted=tuple(sum(box.class_id == class_id for box in boxes) for boxes in kept),
                truth=tuple(sum(true.class_id == class_id for true in each.truth) for each in seen),
                sizes=calibrate_sizes([edges for edges, _ in pairs], [diameter for _, diameter in pairs]),
            )
        )
    sides = [side for each in seen for true in each.truth for side in _sides(true.edges)]
    return CountCalibration(
        split=split,
        image_px=int(np.median([each.side for each in seen])),
        classes=tuple(calibrated),
        agglomerate=whole,
        member=member,
        members_per_area=_members_per_area(seen, kept, whole, member),
        least_contrast=_OF_LEAST_CONTRAST * min(each.focus.contrast for each in seen),
        least_sharpness=_OF_LEAST_SHARPNESS * min(each.focus.sharpness for each in seen),
        largest_px=max(sides),
    )


def _sides(edges: Edges) -> tuple[float, float]:
    return edges[2] - edges[0], edges[3] - edges[1]


def _commonest(seen: Sequence[_Seen], whole: int) -> int:
    """Return the class that most objects beside agglomerates have: that of their members."""
    others = [true.class_id for each in seen for true in each.truth if true.class_id != whole]
    return max(set(others), key=others.count) if others else 1 - min(whole, 1)


def _threshold(
    seen: Sequence[_Seen],
    class_id: int,
    name: str,
    thresholds: dict[int, float],
    whole: int | None,
    member: int | None,
) -> float:
    """Choose the confidence at which the total is right and, nearly as good, the images are."""
    truth = np.array([sum(true.class_id == class_id for true in each.truth) for each in seen])
    if not truth.sum():
        raise OptionError(f"no {name} is labelled in these images; give others, of which some show it")
    counts = np.array(
        [
            [
                sum(box.class_id == class_id for box in _counting(each, {**thresholds, class_id: least}, whole, member))
                for each in seen
            ]
            for least in _THRESHOLDS.tolist()
        ]
    )
    off = np.abs(counts.sum(axis=1) - truth.sum()) / truth.sum()
    by_image = np.abs(counts - truth).mean(axis=1)
    near = off <= off.min() + _NEARLY_BEST
    return float(_THRESHOLDS[np.flatnonzero(near)[by_image[near].argmin()]])


def _counting(each: _Seen, thresholds: dict[int, float], whole: int | None, member: int | None) -> list[DetectedBox]:
    kept = [box for box in each.boxes if box.confidence >= thresholds.get(box.class_id, 1.0)]
    return kept if whole is None else without_members(kept, whole, member)


def _members_per_area(
    seen: Sequence[_Seen], kept: Sequence[Sequence[DetectedBox]], whole: int | None, member: int | None
) -> float | None:
    """Return members of agglomerates over their boxes' areas, in mean boxes of a member; None where nobody counted."""
    members, shares = 0, 0.0
    for each, boxes in zip(seen, kept, strict=True):
        single = [float(areas(np.array(box.edges))) for box in boxes if box.class_id == member]
        for box, other in match_objects([(box.class_id, box.edges) for box in boxes], each.measured):
            count = each.measured[other].members
            if boxes[box].class_id == whole and count and single:
                members += count
                shares += float(areas(np.array(boxes[box].edges))) / float(np.mean(single))
    return members / shares if shares else None
