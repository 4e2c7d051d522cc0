"""The blind baseline: images from labels alone, which any attack has to beat."""

import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import Frames, Images


def blind_baseline(known: Images, victims: Images, block: int) -> Frames:
    """Best images that labels alone allow: known images' mean block, and in each box its class's mean colour.

    Args:
        known: images of the attacker.
        victims: only their labels and their shape are looked at.
        block: side of the blocks that the mean is of, in pixels.
    """
    _, height, width, _ = known.frames.shape
    colours = _colours(known)
    baseline = np.tile(mean_block(known, block), (len(victims), height // block, width // block, 1))
    for image, boxes in zip(baseline, victims.boxes, strict=True):
        for name, box in boxes:
            if name in colours:
                left, right = round((box.x - box.w / 2) * width), round((box.x + box.w / 2) * width)
                top, bottom = round((box.y - box.h / 2) * height), round((box.y + box.h / 2) * height)
                image[max(top, 0) : bottom, max(left, 0) : right] = colours[name]
    return baseline


def mean_block(known: Images, block: int) -> Frames:
    """Return the mean of all blocks of known images, uint8[block, block, 3]."""
    count, height, width, _ = known.frames.shape
    cut = known.frames.reshape(count, height // block, block, width // block, block, 3)
    return np.asarray(np.round(cut.mean(axis=(0, 1, 3))).astype(np.uint8))


def _colours(known: Images) -> dict[str, npt.NDArray[np.uint8]]:
    """Mean colour of each class's boxes."""
    _, height, width, _ = known.frames.shape
    means_of: dict[str, list[npt.NDArray[np.float64]]] = {}
    for image, boxes in zip(known.frames, known.boxes, strict=True):
        for name, box in boxes:
            rows = slice(max(0, round((box.y - box.h / 2) * height)), round((box.y + box.h / 2) * height))
            columns = slice(max(0, round((box.x - box.w / 2) * width)), round((box.x + box.w / 2) * width))
            inside = image[rows, columns].reshape(-1, 3)
            if len(inside):
                means_of.setdefault(name, []).append(inside.mean(axis=0))
    return {name: np.round(np.stack(means).mean(axis=0)).astype(np.uint8) for name, means in means_of.items()}
