"""The plain side of a comparison: a labelled image set, letterboxed as the veil letterboxes it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from raypp.errors import LabelError, OptionError
from raypp.geometry.boxes import Box
from raypp.geometry.letterbox import Letterbox
from raypp.io.filesystem import is_url
from raypp.media.discovery import discover
from raypp.media.files import open_source
from raypp.media.image import decode_image


@dataclass(frozen=True)
class LabelledImage:
    """A labelled image: its file, its name within the dataset, and its boxes, normalised to it."""

    path: Path
    name: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class ImageDataset:
    """A labelled dataset.

    Attributes:
        root: its folder.
        classes: names of its classes.
        splits: its images by split.
    """

    root: Path
    classes: tuple[str, ...]
    splits: dict[str, tuple[LabelledImage, ...]]

    @property
    def name(self) -> str:
        """Name of the dataset: that of its folder."""
        return self.root.name


def read_images(root: str) -> ImageDataset:
    """Read a dataset and its labels.

    Raises:
        OptionError: if `root` is not one local dataset.
        LabelError: if a label is malformed.
        MediaError: if its description is.
    """
    if is_url(root):
        raise OptionError(f"dataset {root} is a URL; copy it to this machine, as a comparison reads it every epoch")
    datasets = discover([root]).datasets
    if len(datasets) != 1:
        raise OptionError(f"{root} holds {len(datasets)} labelled datasets; give the folder of one")
    (dataset,) = datasets
    splits: dict[str, list[LabelledImage]] = {}
    for image in dataset.images:
        labels = dataset.labels_of(image)
        if labels is None:
            continue  # nobody has labelled it
        boxes = labels.boxes
        splits.setdefault(image.split, []).append(LabelledImage(Path(image.file.url), image.file.relative, boxes))
    for split in ("train", "val"):
        if not splits.get(split):
            raise LabelError(f"dataset {root} has no {split} images; name them in its data.yaml")
    return ImageDataset(Path(dataset.root), dataset.classes, {name: tuple(members) for name, members in splits.items()})


def letterboxed(image: LabelledImage, size: int, patch: int) -> tuple[Letterbox, npt.NDArray[np.uint8]]:
    """Decode an image into its window: uint8[H, W, 3], both multiples of the patch."""
    stream = open_source(str(image.path))
    try:
        frame = decode_image(stream, size, patch, None)
    finally:
        stream.close()
    return Letterbox(size, patch, frame.source_width, frame.source_height), frame.pixels


def square_boxes(image: LabelledImage, window: Letterbox) -> list[tuple[float, ...]]:
    """Boxes of an image as (class, x, y, w, h), fractions of the letterboxed square."""
    centred = np.array([[box.x, box.y, box.w, box.h] for box in image.boxes], dtype=np.float64).reshape(-1, 4)
    return [
        (float(box.class_id), *moved)
        for box, moved in zip(image.boxes, window.normalised_to_square(centred).tolist(), strict=True)
    ]
