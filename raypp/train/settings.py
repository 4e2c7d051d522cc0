"""Settings of a training: everything but secrets, so that it may travel to workers."""

import math

from pydantic import Field

from raypp.detect.schedule import Freeze, SchedulePart
from raypp.errors import OptionError
from raypp.io.settings import AbsolutePath, AbsolutePlace, FrozenSettings
from raypp.key_sources.field import AbsoluteKeyPlace
from raypp.train.options import check_counts, check_weights


class TrainSettings(FrozenSettings):
    """Settings of a training.

    Attributes:
        archive: the veiled archive.
        labels_version: label version to train on, or None for the only one.
        dataset: dataset version to train on, in the place of a label version: a tag, a digest's first digits, or a pin
            file.
        out: folder of the run; every worker reaches it.
        architecture: name of a model that ultralytics knows.
        weights: what to start from: public weights (.pt), what a learned veil's fit left, or None for random ones.
        freeze: what of the weights stays as it is: "trunk", so that the adapter alone learns; None for nothing.
        epochs: passes over the training frames.
        batch: frames of a step, over all workers together.
        workers: workers that train together; fewer where the cluster has less room for a while, if `least_workers` is.
        least_workers: with how few it goes on.
        nominal_batch: frames whose gradients are gathered for one step of the optimiser.
        seed: of initial weights, order and augmentation.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU; None for wherever a GPU or AMX is.
        gpu: whether each worker has a GPU.
        mlflow: address of MLflow's tracking server that epochs are logged to, or None. It may hold a password, so it
            stays in the process that was asked: no text of the settings holds it, nor what Ray's workers get.
        data_key_path: data key of encrypted shards, or None.
        part: of which longer training it is a part; the last epoch is kept then, and not the best.
    """

    archive: AbsolutePlace
    out: AbsolutePath
    labels_version: str | None = None
    dataset: str | None = None
    architecture: str = "yolov8n"
    weights: AbsolutePath | None = None
    freeze: Freeze | None = None
    epochs: int = 100
    batch: int = 16
    workers: int = 1
    least_workers: int = 1
    nominal_batch: int = 64
    seed: int = 0
    amp: bool | None = None
    gpu: bool = False
    mlflow: str | None = Field(default=None, exclude=True, repr=False)
    data_key_path: AbsoluteKeyPlace | None = None
    part: SchedulePart | None = None

    @staticmethod
    def parse_workers(text: str) -> tuple[int, int]:
        """Read a number of workers, "4", or how few and how many, "1-4"; raises OptionError."""
        least, dash, most = text.partition("-")
        try:
            return int(least), int(most if dash else least)
        except ValueError:
            raise OptionError(f"`workers` {text!r} must be a number such as 4, or a range such as 1-4") from None

    def check(self) -> None:
        """Raise OptionError for a value out of range or two that contradict each other."""
        check_counts(
            {
                "epochs": self.epochs,
                "batch": self.batch,
                "workers": self.least_workers,
                "nominal_batch": self.nominal_batch,
            }
        )
        if self.least_workers > self.workers:
            raise OptionError(f"`workers` {self.least_workers}-{self.workers} must name the fewer first")
        for workers in range(self.least_workers, self.workers + 1):
            if self.batch % workers:
                every = math.lcm(*range(self.least_workers, self.workers + 1))
                fitting = every * max(1, self.batch // every)
                raise OptionError(f"`batch` {self.batch} cannot be shared by {workers} workers; use {fitting}")
        if self.freeze and self.weights is None:
            raise OptionError("`freeze` needs `weights`: the bundle whose trunk stays as it is (`raypp export`)")
        check_weights(self.weights, ", or the start.model of a learned veil")
