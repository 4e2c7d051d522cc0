"""How a detector counts: thresholds and sizes that were calibrated on images with known truth; kept in its bundle."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MOST_IMAGES = 10_000
_Count = Annotated[int, Field(ge=0, le=1_000_000)]
_Counts = Annotated[tuple[_Count, ...], Field(min_length=1, max_length=_MOST_IMAGES)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SizeCalibration(_Value):
    """From a box to a diameter: log(diameter) = offset + slope * log(sqrt(width * height)), all in pixels.

    Attributes:
        offset, slope: of that line; they give the mean and the spread of the true sizes.
        bias: how much larger sizes would be without it: the mean of sqrt(width * height) over the true mean, less 1.
        boxes: how many boxes with known sizes it was calibrated on.
    """

    offset: float
    slope: float = Field(gt=0, le=10)
    bias: float
    boxes: int = Field(ge=2)


class ClassCalibration(_Value):
    """One class.

    Attributes:
        threshold: least confidence of a box that counts.
        counted, truth: boxes counted, and boxes labelled, on each image of calibration.
        sizes: how its sizes are measured; None where no sizes were known.
    """

    threshold: float = Field(gt=0, lt=1)
    counted: _Counts
    truth: _Counts
    sizes: SizeCalibration | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.counted) != len(self.truth):
            raise ValueError(f"{len(self.counted)} counts for {len(self.truth)} images")
        return self


class CountCalibration(_Value):
    """How a detector counts, from images that it was not trained on.

    Attributes:
        split: the images' split.
        image_px: longer side of an image of calibration, which is the side of a tile.
        classes: by class_id.
        agglomerate: class_id of the class whose objects consist of those of the class `member`; None for none.
        member: that class.
        members_per_area: members of an agglomerate for its box's area over the mean box's of a member.
        least_contrast, least_sharpness: below them a field is empty, or out of focus.
        largest_px: longest side of a labelled box, in pixels.
    """

    split: str = Field(max_length=200)
    image_px: int = Field(ge=1, le=65_536)
    classes: tuple[ClassCalibration, ...] = Field(min_length=1)
    agglomerate: int | None = Field(None, ge=0)
    member: int | None = Field(None, ge=0)
    members_per_area: float | None = Field(None, gt=0)
    least_contrast: float = Field(ge=0)
    least_sharpness: float = Field(ge=0)
    largest_px: float = Field(gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in ("agglomerate", "member"):
            number = getattr(self, name)
            if number is not None and number >= len(self.classes):
                raise ValueError(f"{name} {number} of {len(self.classes)} classes")
        return self
