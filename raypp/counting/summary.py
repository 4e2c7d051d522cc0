"""Summary of a count: totals with intervals, sizes, and images of which nothing can be legible."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from raypp.counting.counter import ImageCount, ImageCounter
from raypp.counting.interval import count_interval
from raypp.counting.sizes import size_summary
from raypp.text.wording import counted as counted_words


class ClassTotal(BaseModel):
    """One class over all images that were counted."""

    model_config = ConfigDict(frozen=True)

    name: str
    count: int
    low: int | None = Field(description="the true total lies between this and `high` in 95 of 100 cases")
    high: int | None = Field(description="None where the model has no calibration, or a region was counted")
    members: int | None = Field(None, description="estimated members of agglomerates")
    d10: float | None = Field(None, description="10 % of the objects have smaller diameters")
    d50: float | None = None
    d90: float | None = None
    edges: tuple[float, ...] = Field((), description="of the histogram's bins")
    histogram: tuple[int, ...] = ()


class CountSummary(BaseModel):
    """Summary of `raypp count images`."""

    model_config = ConfigDict(frozen=True)

    images: int
    counted: int = Field(description="images that were counted")
    cannot_tell: tuple[str, ...] = Field(description="images of which nothing can be legible, each with the reason")
    unit: str = Field(description="of diameters: um, or px where no scale was given")
    classes: tuple[ClassTotal, ...]
    veil_id: str


def count_summary(counter: ImageCounter, counts: Sequence[ImageCount]) -> CountSummary:
    """Sum counts of images up."""
    legible = [count for count in counts if count.cannot_tell is None]
    return CountSummary(
        images=len(counts),
        counted=len(legible),
        cannot_tell=tuple(f"{count.name}: {count.cannot_tell}" for count in counts if count.cannot_tell),
        unit=counter.scale.unit,
        classes=tuple(class_total(counter, legible, name) for name in counter.rules.classes),
        veil_id=counter.detector.veil.veil_id,
    )


def class_total(counter: ImageCounter, legible: Sequence[ImageCount], name: str) -> ClassTotal:
    """Sum one class up over images that were counted."""
    numbers = [count.counts[name] for count in legible]
    objects = [each for count in legible for each in count.objects if each.class_name == name]
    calibration, low, high = counter.rules.calibration, None, None
    if calibration is not None and legible and counter.regions is None:
        low, high = count_interval(numbers, calibration.classes[counter.rules.classes.index(name)])
    sizes = size_summary([each.diameter for each in objects])
    members = sum(each.members or 0 for each in objects)
    return ClassTotal(
        name=name,
        count=sum(numbers),
        low=low,
        high=high,
        members=members or None,
        **({} if sizes is None else {"d10": sizes.d10, "d50": sizes.d50, "d90": sizes.d90}),
        edges=sizes.edges if sizes else (),
        histogram=sizes.counts if sizes else (),
    )


def count_summary_lines(summary: CountSummary) -> Iterator[str]:
    """Say in lines what was counted."""
    yield f"counted       {counted_words(summary.counted, 'image')} of {summary.images}"
    for total in summary.classes:
        interval = f" [{total.low}, {total.high}]" if total.low is not None else ""
        members = f", about {total.members} members" if total.members else ""
        sizes = ""
        if total.d50 is not None:
            sizes = f"; D10 {total.d10:.1f}, D50 {total.d50:.1f}, D90 {total.d90:.1f} {summary.unit}"
        yield f"{total.name:<14}{total.count}{interval}{members}{sizes}"
    if summary.unit == "px":
        yield "note          no scale was given: sizes are in pixels"
    for line in summary.cannot_tell:
        yield f"cannot tell   {line}"
