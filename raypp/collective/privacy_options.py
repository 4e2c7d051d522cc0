"""Differential privacy of a plan: whose presence is hidden, how well, and what is trained under noise."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_EPSILON = 1000


class PrivacyUnit(StrEnum):
    """Name whose presence in the data is hidden."""

    FILE = "file"
    """A video, or an image that is a file of its own."""
    CAMERA_DAY = "camera-day"
    """All that a camera has taken in a day, in UTC."""
    SITE = "site"
    """All data of an owner."""


class PrivateLayers(StrEnum):
    """Name layers that are trained under noise; the choice is made before, by no look at the data."""

    ADAPTER = "adapter"
    """It stays with its owner, and its noise is the owner's alone."""
    TRUNK = "trunk"
    HEAD = "head"
    HEAD_LAST = "head-last"
    """The last convolution of each branch of the head."""


class PrivacyOptions(BaseModel):
    """Differential privacy of a training. All of it is in the plan's digest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    unit: PrivacyUnit = Field(description="whose presence is hidden")
    epsilon: float = Field(gt=0, le=MOST_EPSILON, description="what all rounds may spend")
    delta: float = Field(gt=0, lt=1, description="less than 1 of all units")
    clip: float = Field(0.1, gt=0, le=1000, description="largest Euclidean length of what a unit changes in a round")
    layers: tuple[PrivateLayers, ...] = Field(
        (PrivateLayers.HEAD_LAST,), min_length=1, description="layers that are trained; others stay as they start"
    )
    units: int = Field(1, ge=1, le=1_000_000, description="units of a site, at most; sums are divided by as many")
    sample: float = Field(1.0, gt=0, le=1, description="chance of a unit to be in a round, drawn by its site")
    rate: float = Field(0.05, gt=0, le=100, description="learning rate of a unit's own training")
    distrusted: int = Field(1, ge=0, description="sites whose own noise does not count: they know it, or add none")
    noise: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="deviation of a sum's noise, in clips; default: the least that epsilon takes",
    )

    @field_validator("unit", mode="before")
    @classmethod
    def _no_frames(cls, value: object) -> object:
        if value == "frame":
            raise ValueError(
                "a person is on thousands of frames of a video, so hiding one frame hides nobody; have file, "
                "camera-day or site"
            )
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.layers)) < len(self.layers) or {PrivateLayers.HEAD, PrivateLayers.HEAD_LAST} <= set(
            self.layers
        ):
            raise ValueError("layers name a layer twice")
        if not self.summed:
            raise ValueError("layers are the adapter alone, which is never summed; add head-last, head or trunk")
        if self.unit is PrivacyUnit.SITE:
            if self.trains_adapter:
                raise ValueError("layers have the adapter: where a site is the unit, it has no noise")
            if (self.units, self.sample) != (1, 1):
                raise ValueError("units and sample are of files and days; where a site is the unit, leave them out")
        return self

    @property
    def summed(self) -> tuple[PrivateLayers, ...]:
        """Layers whose changes are summed."""
        return tuple(layer for layer in self.layers if layer is not PrivateLayers.ADAPTER)

    @property
    def trains_adapter(self) -> bool:
        """Whether the adapter is trained under noise."""
        return PrivateLayers.ADAPTER in self.layers

    @property
    def multiplier(self) -> float:
        """Deviation of a sum's noise in lengths of the clip, of a plan that was read whole."""
        assert self.noise is not None  # noqa: S101 - filled in where plans are read
        return self.noise
