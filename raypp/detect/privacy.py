"""What is promised of a detector whose training was differentially private."""

from pydantic import BaseModel, ConfigDict, Field

from raypp.text.names import Name


class PrivacyStatement(BaseModel):
    """How much the weights of a detector may tell of one unit of the data, at most.

    Both figures are of the same rounds. The first one is the promise; the second is a closer reckoning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    unit: Name = Field(description="whose presence is hidden: a file, a camera's day, or a site")
    epsilon: float = Field(ge=0, description="by Renyi divergences (RDP)")
    epsilon_prv: float | None = Field(ge=0, description="by the privacy loss itself (PRV); none where it cannot be had")
    delta: float = Field(gt=0, lt=1)
    noise: float = Field(gt=0, description="deviation of a sum's noise, in lengths of the clip")
    sample: float = Field(gt=0, le=1, description="chance of a unit to be in a round")
    rounds: int = Field(ge=0, description="rounds that were noised")
    clip: float = Field(gt=0, description="largest Euclidean length of what one unit changes in a round")
    layers: tuple[Name, ...] = Field(description="layers that were trained, under noise")
    adapter: bool = Field(description="whether it holds for the adapter as well")
