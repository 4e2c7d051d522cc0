"""How often devices report, and how long one may be silent."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from raypp.ledger.device_values import SilenceLimits

_MICROSECONDS = 1_000_000


class DeviceSettings(BaseModel):
    """Settings of devices' reports."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    report_every_s: float = Field(30, ge=1, le=3600, description="how often each agent of a site says how it is doing")
    late_after_s: float = Field(90, ge=1, description="a device that has been silent for longer is late")
    missing_after_s: float = Field(900, ge=1, description="likewise, missing")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.report_every_s < self.late_after_s < self.missing_after_s:
            raise ValueError(
                f"report_every_s {self.report_every_s:g}, late_after_s {self.late_after_s:g} and missing_after_s "
                f"{self.missing_after_s:g} must rise in this order"
            )
        return self

    @property
    def limits(self) -> SilenceLimits:
        """How long a device may be silent."""
        return SilenceLimits(round(self.late_after_s * _MICROSECONDS), round(self.missing_after_s * _MICROSECONDS))
