"""Batches: labelled codes as tensors, from rows of shards joined with a label version."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raypp.detect.inputs.rows import Rows, exactly, of_epoch, rebatch
from raypp.detect.schedule import TrainingSchedule
from raypp.media.frame import PADDING
from raypp.shards.reader import place_code
from raypp.shards.schema import ArchiveHeader

COLUMNS = ("sample_id", "sub_key", "code", "width", "height")
"""Columns of the shards that a batch is made of, besides `split` and `boxes` of the label version."""
NO_CELL = 255
"""Code value where there is no cell: outside a frame's window, and where augmentation moved nothing in."""


@dataclass(frozen=True)
class DetectionBatch:
    """Labelled inputs of a detector.

    Attributes:
        inputs: uint8. Codes [N, C + 1, G, G]: code values (or NO_CELL), and in the last plane the sub-key of each cell.
            Or plain images, RGB [N, 3, H, W].
        image_of_M: int64[M], for each box the input it lies on.
        class_of_M: float32[M], class of each box.
        boxes_M4: float32[M, 4], centre, width, height, as fractions of the square.
        sample_ids: identities of the N inputs.
        plain: whether the inputs are plain images.
    """

    inputs: Tensor
    image_of_M: Tensor
    class_of_M: Tensor
    boxes_M4: Tensor
    sample_ids: tuple[str, ...]
    plain: bool = False

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def filler(self) -> int:
        """Value of an input where there is nothing."""
        return PADDING if self.plain else NO_CELL

    def network_inputs(self, device: torch.device) -> Tensor:
        """Return what a detector is fed, on a device: codes as they are, images as float32 in [0, 1]."""
        inputs = self.inputs.to(device, non_blocking=True)
        return inputs.float() / 255 if self.plain else inputs

    def to_ultralytics(self, device: torch.device) -> dict[str, Tensor]:
        """Return the batch as ultralytics' losses take it, on a device."""
        return {
            "img": self.network_inputs(device),
            "batch_idx": self.image_of_M.to(device),
            "cls": self.class_of_M[:, None].to(device),
            "bboxes": self.boxes_M4.to(device),
        }


def batch_of_rows(rows: Mapping[str, Any], header: ArchiveHeader) -> DetectionBatch:
    """Make a batch of rows as Ray and pyarrow give them.

    Args:
        rows: columns `COLUMNS` and `boxes`, of N entries each.
        header: header of the archive.

    Raises:
        ShardError: if a code does not fit its frame.
    """
    count = len(rows["sample_id"])
    inputs = np.full((count, header.channels + 1, header.grid, header.grid), NO_CELL, dtype=np.uint8)
    for square, packed, width, height in zip(inputs, rows["code"], rows["width"], rows["height"], strict=True):
        place_code(square[:-1], packed, header, int(width), int(height))
    inputs[:, -1] = np.asarray(rows["sub_key"], dtype=np.uint8)[:, None, None]
    labelled = [
        (index, box["class_id"], box["x"], box["y"], box["w"], box["h"])
        for index, boxes in enumerate(rows["boxes"])
        for box in boxes
    ]
    return labelled_batch(inputs, labelled, tuple(map(str, rows["sample_id"])))


def batches_of_epoch(
    rows: Iterable[Rows], header: ArchiveHeader, schedule: TrainingSchedule, size: int, epoch: int
) -> Iterator[DetectionBatch]:
    """Make the batches that one worker trains on in an epoch: each frame in one of its versions, and `recipe.steps`.

    Args:
        rows: the worker's rows, mixed, with `COLUMNS`, `VARIANT_COLUMNS` and `boxes`.
        header: header of the archive.
        schedule: how is trained.
        size: frames of a batch.
        epoch: number of the epoch, from 0.
    """
    chosen = rebatch(of_epoch(rows, schedule.seed, epoch), size)
    return exactly((batch_of_rows(columns, header) for columns in chosen), schedule.steps)


def labelled_batch(
    inputs: npt.NDArray[np.uint8], boxes: Sequence[Sequence[float]], sample_ids: tuple[str, ...], *, plain: bool = False
) -> DetectionBatch:
    """Make a batch of arrays and of boxes given as (input, class, x, y, w, h)."""
    table = torch.tensor(np.array(boxes, dtype=np.float32).reshape(-1, 6))
    return DetectionBatch(
        inputs=torch.from_numpy(inputs),
        image_of_M=table[:, 0].long(),
        class_of_M=table[:, 1],
        boxes_M4=table[:, 2:],
        sample_ids=sample_ids,
        plain=plain,
    )
