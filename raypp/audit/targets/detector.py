"""A detector on codes as an attacker has it: what it makes of veiled frames with labels, and how it learns further."""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch

from raypp.audit.core.model import Codes, Floats, Images
from raypp.detect.inputs.batch import NO_CELL, DetectionBatch, labelled_batch
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.ultralytics import DetectionModel
from raypp.train.trainer import Trainer

_BATCH = 8


@dataclass(frozen=True)
class VeiledDetector:
    """A detector, and how images are veiled before it sees them.

    Attributes:
        model: the detector, in evaluation mode; it is never changed.
        info: what it was trained for.
        encode: veils images.
        sub_key: index of the sub-key of all images, which is public.
    """

    model: DetectionModel
    info: ModelInfo
    encode: Callable[[Images], Codes]
    sub_key: int

    @torch.no_grad()
    def losses(self, images: Images) -> Floats:
        """Return the detector's loss on each veiled image with its labels, float64[N]; as in training, all parts."""
        losses = [
            self.model(self._batch(images, [place]).to_ultralytics(_CPU))[0].sum() for place in range(len(images))
        ]
        return np.array([float(loss) for loss in losses])

    def further(self, images: Images, steps: int, seed: int) -> "VeiledDetector":
        """Return the detector after some more steps of training on veiled images with their labels, as they are."""
        batch = min(_BATCH, len(images))
        each = len(images) // batch
        epochs = math.ceil(steps / each)
        schedule = TrainingSchedule(epochs=epochs, batch=batch, steps=each, seed=seed, nominal_batch=batch, amp=False)
        torch.manual_seed(seed)
        trainer = Trainer(deepcopy(self.model), schedule, _CPU, augmentation=None)
        chance = np.random.default_rng(seed)

        def epoch() -> Iterator[DetectionBatch]:
            order = chance.permutation(len(images)).tolist()
            for start in range(0, each * batch, batch):
                yield self._batch(images, order[start : start + batch])

        for _ in range(epochs):
            trainer.train_epoch(epoch())
        return replace(self, model=trainer.model.eval())

    def _batch(self, images: Images, places: list[int]) -> DetectionBatch:
        """Veil some images, and lay each in the middle of the square, as shards are read."""
        codes, patch = self.encode(images.take(places)), self.info.patch
        grid, (rows, columns) = self.info.size // patch, codes.shape[2:]
        top, left = (grid - rows) // 2, (grid - columns) // 2
        inputs = np.full((len(places), codes.shape[1] + 1, grid, grid), NO_CELL, dtype=np.uint8)
        inputs[:, :-1, top : top + rows, left : left + columns] = codes
        inputs[:, -1] = self.sub_key
        boxes = [
            (
                row,
                self.info.classes.index(name),
                (left + box.x * columns) / grid,
                (top + box.y * rows) / grid,
                box.w * columns / grid,
                box.h * rows / grid,
            )
            for row, place in enumerate(places)
            for name, box in images.boxes[place]
            if name in self.info.classes
        ]
        return labelled_batch(inputs, boxes, tuple(map(str, places)))


_CPU = torch.device("cpu")
