"""Small veiled frames that a detector learns from in a few steps."""

import numpy as np
import torch

from raypp.detect.inputs.batch import DetectionBatch, labelled_batch

GRID, COUNT, BATCH = 12, 16, 8


def draw_scenes() -> DetectionBatch:
    """Draw noise with a block of one value on it: which value says the class. The last plane is the sub-key, 0."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (COUNT, 5, GRID, GRID), dtype=np.uint8)
    codes[:, -1] = 0
    boxes = []
    for index in range(COUNT):
        top, left, kind = *random.integers(0, GRID - 4, 2), index % 2
        codes[index, :-1, top : top + 4, left : left + 4] = 3 * kind
        boxes.append((index, kind, (left + 2) / GRID, (top + 2) / GRID, 4 / GRID, 4 / GRID))
    return labelled_batch(codes, boxes, tuple(map(str, range(COUNT))))


def batches_of(scenes: DetectionBatch, epoch: int) -> list[DetectionBatch]:
    """Return the batches of an epoch, in its order."""
    order = torch.from_numpy(np.random.default_rng(epoch).permutation(COUNT))
    out = []
    for part in order.split(BATCH):
        place = {int(index): new for new, index in enumerate(part)}
        kept = torch.tensor([int(image) in place for image in scenes.image_of_M])
        images = [place[int(image)] for image in scenes.image_of_M[kept]]
        out.append(
            DetectionBatch(
                scenes.inputs[part],
                torch.tensor(images),
                scenes.class_of_M[kept],
                scenes.boxes_M4[kept],
                tuple(scenes.sample_ids[int(index)] for index in part),
            )
        )
    return out
