"""What a training was asked to do: everything but secrets, so that it may travel to workers."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from raypp.errors import OptionError


class TrainSettings(BaseModel):
    """Settings of a training.

    Attributes:
        archive: the veiled archive.
        labels_version: label version to train on, or None for the only one.
        out: folder of the run; every worker reaches it.
        architecture: name of a model that ultralytics knows.
        weights: public weights to start from (.pt), or None for random ones.
        epochs: passes over the training frames.
        batch: frames of a step, over all workers together.
        workers: workers that train together.
        seed: of initial weights, order and augmentation.
        gpu: whether each worker has a GPU.
        data_key_path: data key of encrypted shards, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    archive: str
    out: Path
    labels_version: str | None = None
    architecture: str = "yolov8n"
    weights: Path | None = None
    epochs: int = 100
    batch: int = 16
    workers: int = 1
    seed: int = 0
    gpu: bool = False
    data_key_path: Path | None = None

    def check(self) -> None:
        """Raise OptionError for a value out of range or two that contradict each other."""
        for name, value in (("--epochs", self.epochs), ("--batch", self.batch), ("--workers", self.workers)):
            if value < 1:
                raise OptionError(f"{name} {value} must be at least 1")
        if self.batch % self.workers:
            fitting = self.workers * max(1, self.batch // self.workers)
            raise OptionError(f"--batch {self.batch} cannot be shared by {self.workers} workers; use {fitting}")
        if self.weights is not None and not self.weights.is_file():
            raise OptionError(f"--weights {self.weights} is no file; give an ultralytics checkpoint such as yolov8n.pt")
