"""How a detector is trained."""

import operator
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Freeze(StrEnum):
    """Name what of a detector stays as it is in a training."""

    TRUNK = "trunk"
    """All but the adapter."""


class SchedulePart(BaseModel):
    """Place of a training in a longer one, of which it is a part: rates decline over the whole.

    Attributes:
        before: epochs of the parts before.
        whole: epochs of all parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: int = Field(ge=0)
    whole: int = Field(ge=1)


class TrainingSchedule(BaseModel):
    """How long and on how much a detector is trained; all else is ultralytics' default.

    Attributes:
        epochs: passes over the training frames.
        batch: frames of a step, over all workers together.
        steps: steps of an epoch.
        seed: of initial weights, order and augmentation.
        close_mosaic: last epochs without mosaics.
        nominal_batch: frames whose gradients are gathered for one step of the optimiser.
        adapter_rate: learning rate of the adapter, which starts from nothing, as a multiple of the trunk's.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU; None for wherever a GPU or AMX is.
        freeze: what stays as it is: the trunk, so that the adapter alone learns; None for nothing.
        part: of which longer training it is a part; None for a whole one.
    """

    model_config = ConfigDict(frozen=True)

    epochs: int = Field(ge=1)
    batch: int = Field(ge=1)
    steps: int = Field(ge=1)
    seed: int = 0
    close_mosaic: int = 10
    nominal_batch: int = Field(64, ge=1)
    adapter_rate: float = Field(1.0, gt=0)
    amp: bool | None = None
    freeze: Freeze | None = Field(None, exclude_if=operator.not_)
    part: SchedulePart | None = Field(None, exclude_if=operator.not_)

    @property
    def before(self) -> int:
        """Epochs of the parts before."""
        return self.part.before if self.part else 0

    @property
    def whole(self) -> int:
        """Epochs of all parts."""
        return self.part.whole if self.part else self.epochs
