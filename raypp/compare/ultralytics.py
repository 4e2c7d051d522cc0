"""Plain images through ultralytics: its augmentation for our loop, and its trainer to check our loop against."""

import random
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from raypp.compare.arm import Arm, ComparisonSchedule
from raypp.compare.images import ImageDataset, LabelledImage
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.model import build_detector, load_public_weights
from raypp.detect.precision import half_precision
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.ultralytics import (
    DetectionModel,
    DetectionTrainer,
    build_yolo_dataset,
    default_arguments,
    torch_safe_load,
)
from raypp.train.steps import OnStep, steps_told

_DATA_YAML = "data.yaml"


def lay_out(images: ImageDataset, folder: Path) -> Path:
    """Lay a dataset out as ultralytics reads it, by links to the images; returns its data.yaml.

    Its reader writes caches beside the labels, which must not happen in the owner's dataset.
    """
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images.splits[split]):
            stem = f"{number:07d}"
            link = folder / "images" / split / (stem + image.path.suffix.lower())
            if not link.is_symlink():
                link.symlink_to(image.path)
            lines = [f"{box.class_id} {box.x:.9g} {box.y:.9g} {box.w:.9g} {box.h:.9g}\n" for box in image.boxes]
            (folder / "labels" / split / f"{stem}.txt").write_text("".join(lines))
    names = "".join(f"  {number}: {name!r}\n" for number, name in enumerate(images.classes))
    path = folder / _DATA_YAML
    path.write_text(f"path: {folder}\ntrain: images/train\nval: images/val\nnames:\n{names}")
    return path


class UltralyticsBatches:
    """Training batches of plain images, augmented as ultralytics augments them by default.

    Args:
        data: data.yaml of `lay_out`.
        images: the training images, in the order they were laid out.
        classes: names of the classes.
        schedule: seed, batch, epochs, and the last of them without mosaics.
        size: side of the square, in pixels.
        share: number of this worker, and of all that share each batch.
    """

    def __init__(
        self,
        data: Path,
        images: tuple[LabelledImage, ...],
        classes: tuple[str, ...],
        schedule: TrainingSchedule,
        size: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._arguments = default_arguments(imgsz=size, task="detect", cache=False, rect=False)
        info = {"names": dict(enumerate(classes)), "nc": len(classes), "channels": 3}
        folder = str(data.parent / "images" / "train")
        self._dataset: Any = build_yolo_dataset(self._arguments, folder, schedule.batch, info, mode="train")
        self._names = [image.name for image in images]
        self._schedule = schedule
        self._rank, self._workers = share
        self._mosaic = True

    @property
    def recent(self) -> list[int]:
        """Numbers of the images that were loaded last, of which mosaics are made."""
        return list(self._dataset.buffer)

    def load(self, recent: list[int]) -> None:
        """Load images as they were loaded before a stop, so that the next mosaics are made of the same ones."""
        for number in recent:
            self._dataset.load_image(number)

    def epoch(self, epoch: int) -> Iterator[DetectionBatch]:
        """Return the batches of an epoch, a function of seed, number, and the images that were loaded last."""
        schedule = self._schedule
        mixed = (schedule.seed * 1_000_003 + epoch) * self._workers + self._rank
        random.seed(mixed)
        np.random.seed(mixed % (1 << 32))  # noqa: NPY002 - what ultralytics' augmentation draws from
        if self._mosaic and epoch >= schedule.epochs - schedule.close_mosaic:
            self._dataset.close_mosaic(self._arguments)
            self._mosaic = False
        order = np.random.default_rng((schedule.seed, epoch)).permutation(len(self._dataset))
        for step in range(schedule.steps):
            chosen = order[step * schedule.batch : (step + 1) * schedule.batch][self._rank :: self._workers]
            batch = self._dataset.collate_fn([self._dataset[int(index)] for index in chosen])
            yield DetectionBatch(
                inputs=batch["img"],
                image_of_M=batch["batch_idx"].long(),
                class_of_M=batch["cls"].flatten().float(),
                boxes_M4=batch["bboxes"].float(),
                sample_ids=tuple(self._names[int(index)] for index in chosen),
                plain=True,
            )


class _Trainer(DetectionTrainer):  # type: ignore[misc, unused-ignore]
    """Ultralytics' trainer of a detector that we built: it would read descriptions and weights unsafely itself."""

    start: ComparisonSchedule

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> DetectionModel:  # noqa: ARG002
        """Build the detector as our arms do, with the public weights that it starts from."""
        names = tuple(self.data["names"].values())
        model = build_detector(self.start.architecture, names, None)
        if self.start.weights is not None:
            load_public_weights(model, self.start.weights)
        return model


class _Epochs:
    """Times the epochs of ultralytics' trainer, and tells their steps; its methods are called back.

    Args:
        on_step: is told of each step.
    """

    def __init__(self, on_step: OnStep) -> None:
        self.seconds: list[float] = []
        self._on_step = on_step

    def begin(self, trainer: Any) -> None:
        """Begin an epoch."""
        self._begun, self._steps = perf_counter(), 0
        self._on_loss = steps_told(trainer.epoch + 1, trainer.epochs, len(trainer.train_loader), self._on_step)

    def step(self, trainer: Any) -> None:
        """End a step; the trainer holds the mean losses of the epoch's steps by name."""
        self._steps += 1
        self._on_loss(self._steps, sum(float(loss) for loss in trainer.tloss.values()))

    def end(self, _trainer: Any) -> None:
        """End an epoch's training."""
        self.seconds.append(perf_counter() - self._begun)


def train_by_ultralytics(
    arm: Arm, schedule: ComparisonSchedule, data: Path, folder: Path, on_step: OnStep
) -> tuple[DetectionModel, list[float]]:
    """Train by ultralytics' own trainer, all its settings at their defaults but what the schedule names.

    Args:
        arm: whose seed is taken.
        schedule: how long.
        data: data.yaml of `lay_out`.
        folder: where the trainer writes.
        on_step: is told of each step.

    Returns:
        The averaged model after the last epoch, and the seconds of each epoch's training.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    overrides = {
        "model": f"{schedule.architecture}.yaml",  # a name to tell it by: `_Trainer` builds it
        "data": str(data),
        "imgsz": schedule.size,
        "epochs": schedule.epochs,
        "batch": schedule.batch,
        "nbs": schedule.nominal_batch,
        "seed": arm.seed,
        "amp": half_precision(device, schedule.amp) is not None,
        "workers": 2,
        "plots": False,
        "val": False,
        "project": str(folder),
        "name": "library",
        "exist_ok": True,
        "verbose": False,
        "pretrained": False,
    }
    trainer: Any = _Trainer(overrides=overrides)
    trainer.start = schedule
    epochs = _Epochs(on_step)
    trainer.add_callback("on_train_epoch_start", epochs.begin)
    trainer.add_callback("on_train_batch_end", epochs.step)
    trainer.add_callback("on_train_epoch_end", epochs.end)
    trainer.train()
    checkpoint = torch_safe_load(str(trainer.last), safe_only=True)[0]
    return (checkpoint.get("ema") or checkpoint["model"]).float(), epochs.seconds
