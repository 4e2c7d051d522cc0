"""How far a training is within an epoch, told by a file: the training may run in another process, or on a cluster."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from pydantic import BaseModel, ConfigDict, Field

from raypp.io.atomic import PART_SUFFIX, write_text

EPOCH, WARM_UP = "epoch", "warm-up"
_STEP_FILE = "step.json"
_WRITE_EVERY_S = 0.5


class TrainingStep(BaseModel):
    """The last step that is done of an epoch, or of a pass of the warm-up; both, and their steps, count from 1."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float = Field(description="sum of the detector's losses, mean over the epoch's steps so far")
    seconds_left: float | None = Field(description="of the epoch's training, by its pace; None while there is none")
    phase: str = Field(default=EPOCH, description="what is counted: epochs of the training, or passes of its warm-up")

    @property
    def done(self) -> float:
        """Share of the whole training that is done, from 0 to 1."""
        return (self.epoch - 1 + self.step / self.steps) / self.epochs if self.phase == EPOCH else 0.0

    def name(self) -> str:
        """Name the epoch, or the pass of the warm-up."""
        return f"{self.phase} {self.epoch}/{self.epochs}"

    def words(self) -> str:
        """Word the step and its loss."""
        return f"step {self.step}/{self.steps}, loss {self.loss:.3f}"


OnStep = Callable[[TrainingStep], None]
"""Is told of each step."""
OnLoss = Callable[[int, float], None]
"""Is given how many steps of an epoch are done, and the mean over them of the detector's losses together."""


def steps_told(epoch: int, epochs: int, steps: int, on_step: OnStep, phase: str = EPOCH) -> OnLoss:
    """Return what tells the steps of an epoch from their losses; the first step, which starts slowly, has no pace.

    Args:
        epoch: its number, from 1.
        epochs: how many there are.
        steps: how many it has.
        on_step: is told.
        phase: what is counted.
    """
    first = 0.0

    def on_loss(step: int, loss: float) -> None:
        nonlocal first
        now = monotonic()
        if step == 1:
            first = now
        left = (now - first) / (step - 1) * (steps - step) if step > 1 else None
        on_step(
            TrainingStep(epoch=epoch, epochs=epochs, step=step, steps=steps, loss=loss, seconds_left=left, phase=phase)
        )

    return on_loss


class StepFile:
    """The last step of a training, in a file of its folder.

    Args:
        folder: the training's, which is there when a step is written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _STEP_FILE
        self._written: float | None = None

    def write(self, step: TrainingStep) -> None:
        """Write a step, at most two a second and the last of each epoch."""
        now = monotonic()
        if step.step < step.steps and self._written is not None and now - self._written < _WRITE_EVERY_S:
            return
        self._written = now
        write_text(self._path, step.model_dump_json())

    def read(self) -> TrainingStep | None:
        """Return the last step; None where no training runs."""
        try:
            return TrainingStep.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        """Delete the file, and what a killed process left of it."""
        for path in (self._path, *self._path.parent.glob(f".{_STEP_FILE}.*{PART_SUFFIX}")):
            path.unlink(missing_ok=True)
