"""How right counts and sizes are, on labelled images that neither training nor calibration saw."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from raypp.counting.counter import ImageCount, ImageCounter
from raypp.counting.interval import count_interval
from raypp.counting.plain_image import DecodeOptions, read_image
from raypp.counting.truth import TrueDataset, TrueObject, match_objects
from raypp.progress import SILENT, Progress


class ClassAccuracy(BaseModel):
    """Accuracy of one class, or of all of them together."""

    model_config = ConfigDict(frozen=True)

    name: str
    counted: int
    truth: int
    totals: float = Field(description="1 less the total's error over the true total")
    per_image: float = Field(description="mean over images of 1 less the error over the true number, at least 0")
    mean_error: float = Field(description="mean absolute error, objects an image")
    within_interval: float | None = Field(description="share of images whose true number lies in the interval")
    d50_error: float | None = Field(None, description="error of the median diameter over the true one")
    d90_error: float | None = None
    ks: float | None = Field(None, description="Kolmogorov-Smirnov distance of diameters from the true ones")
    unmatched: float = Field(0.0, description="share of counted boxes that are of no labelled object")


class CountAccuracy(BaseModel):
    """Accuracy on a split."""

    model_config = ConfigDict(frozen=True)

    split: str
    images: int
    cannot_tell: int = Field(description="images that were not counted; their objects count as missed")
    all: ClassAccuracy
    classes: tuple[ClassAccuracy, ...]
    members_error: float | None = Field(None, description="error of the total of members over the true one")


def measure_counting(
    counter: ImageCounter,
    dataset: TrueDataset,
    options: DecodeOptions = DecodeOptions(),  # noqa: B008 - it never changes
    progress: Progress = SILENT,
) -> tuple[CountAccuracy, list[ImageCount]]:
    """Count labelled images and compare.

    Args:
        counter: counts.
        dataset: labelled images.
        options: how images are decoded.
        progress: is told how far it is.
    """
    counts: list[ImageCount] = []
    with progress.task("counting", len(dataset.images)) as advance:
        for labelled in dataset.images:
            counts.append(counter.count(read_image(str(labelled.path), options)))
            advance(1, "", 1)
    return count_accuracy(counter, dataset, counts), counts


def count_accuracy(counter: ImageCounter, dataset: TrueDataset, counts: Sequence[ImageCount]) -> CountAccuracy:
    """Compare counts of a dataset's images, in their order, with the truth."""
    truths = [image.in_pixels(count.width, count.height) for image, count in zip(dataset.images, counts, strict=True)]
    measured = [dataset.measured(image) for image in dataset.images]
    names = counter.rules.classes
    guessed = sum(each.members or 0 for count in counts for each in count.objects)
    members = sum(each.members or 0 for some in measured for each in some if (each.members or 0) > 1)
    return CountAccuracy(
        split=dataset.split,
        images=len(counts),
        cannot_tell=sum(count.cannot_tell is not None for count in counts),
        all=_accuracy("all", range(len(names)), counter, counts, truths, measured),
        classes=tuple(
            _accuracy(name, range(number, number + 1), counter, counts, truths, measured)
            for number, name in enumerate(names)
        ),
        members_error=guessed / members - 1 if members and guessed else None,
    )


def _accuracy(
    name: str,
    class_ids: range,
    counter: ImageCounter,
    counts: Sequence[ImageCount],
    truths: Sequence[Sequence[TrueObject]],
    measured: Sequence[Sequence[TrueObject]],
) -> ClassAccuracy:
    classes = counter.rules.classes
    chosen = {classes[number] for number in class_ids}
    counted_P = np.array([sum(each.class_name in chosen for each in count.objects) for count in counts])
    truth_P = np.array([sum(true.class_id in class_ids for true in truth) for truth in truths])
    some = truth_P > 0
    per_image = np.clip(1 - np.abs(counted_P - truth_P)[some] / truth_P[some], 0, None)
    matches = 0
    for count, truth in zip(counts, truths, strict=True):
        boxes = [(classes.index(each.class_name), each.edges) for each in count.objects if each.class_name in chosen]
        matches += len(match_objects(boxes, truth))
    total = int(truth_P.sum())
    calibration, inside = counter.rules.calibration, None
    if calibration is not None and len(class_ids) == 1:
        bounds = [count_interval([int(number)], calibration.classes[class_ids[0]]) for number in counted_P]
        inside = float(np.mean([low <= true <= high for (low, high), true in zip(bounds, truth_P, strict=True)]))
    diameters = [each.diameter for count in counts for each in count.objects if each.class_name in chosen]
    true = [each.diameter for each_P in measured for each in each_P if each.class_id in class_ids and each.diameter]
    sizes = _size_errors(diameters, true) if diameters and true and len(class_ids) == 1 else {}
    return ClassAccuracy(
        name=name,
        counted=int(counted_P.sum()),
        truth=total,
        totals=1 - abs(int(counted_P.sum()) - total) / max(total, 1),
        per_image=float(per_image.mean()) if some.any() else 0.0,
        mean_error=float(np.abs(counted_P - truth_P).mean()),
        within_interval=inside,
        unmatched=1 - matches / max(int(counted_P.sum()), 1),
        **sizes,
    )


def _size_errors(diameters: Sequence[float], true: Sequence[float]) -> dict[str, float]:
    """Compare two distributions: medians, ninth deciles, and the largest gap of their cumulative shares."""
    ours, theirs = np.sort(diameters), np.sort(true)
    errors = {
        f"d{share}_error": float(np.percentile(ours, share) / np.percentile(theirs, share) - 1) for share in (50, 90)
    }
    at = np.concatenate([ours, theirs])
    shares = [np.searchsorted(each, at, side="right") / len(each) for each in (ours, theirs)]
    return {**errors, "ks": float(np.abs(shares[0] - shares[1]).max())}
