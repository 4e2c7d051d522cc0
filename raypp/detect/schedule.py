"""How a detector is trained."""

import operator
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Freeze(StrEnum):
    """Name what of a detector stays as it is in a training."""

    TRUNK = "trunk"
    """All but the adapter."""


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
