"""Images with known truth: labelled boxes of a dataset in YOLO layout and, where somebody measured them, sizes."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from raypp.errors import ContentError, LabelError, OptionError
from raypp.geometry.boxes import Edges, box_iou
from raypp.io.content import read_content
from raypp.media.discovery import discover

SIZES_FILE = "sizes.csv"
_MOST_BYTES = 256_000_000
_SAME_OBJECT = 0.5
_COLUMNS = "image", "class", "left_px", "top_px", "right_px", "bottom_px", "diameter_um"


class TrueObject(NamedTuple):
    """A labelled object.

    Attributes:
        class_id: its class.
        edges: left, top, right and bottom: fractions of the image for labels, pixels for measured sizes.
        diameter: true diameter in the unit of the sizes; None where it was not measured.
        members: true number of members, where it is known.
    """

    class_id: int
    edges: Edges
    diameter: float | None = None
    members: int | None = None


@dataclass(frozen=True)
class TrueImage:
    """A labelled image: its file, and its boxes as fractions of it."""

    path: Path
    objects: tuple[TrueObject, ...]

    def in_pixels(self, width: int, height: int) -> tuple[TrueObject, ...]:
        """Return its objects with edges in pixels of an image of this size."""
        return tuple(
            each._replace(
                edges=(each.edges[0] * width, each.edges[1] * height, each.edges[2] * width, each.edges[3] * height)
            )
            for each in self.objects
        )


@dataclass(frozen=True)
class TrueDataset:
    """Labelled images of one split.

    Attributes:
        classes: names of the classes.
        split: its name.
        images: in order of name.
        sizes: measured objects, in pixels and the sizes' unit, by the image's name without suffix.
    """

    classes: tuple[str, ...]
    split: str
    images: tuple[TrueImage, ...]
    sizes: Mapping[str, tuple[TrueObject, ...]]

    def measured(self, image: TrueImage) -> tuple[TrueObject, ...]:
        """Return the measured objects of an image; none where there are none."""
        return self.sizes.get(image.path.stem, ())


def read_truth(root: str, split: str, sizes: Path | None = None) -> TrueDataset:
    """Read labelled images.

    Args:
        root: folder of a dataset, with a `data.yaml`.
        split: which of its splits.
        sizes: CSV of measured sizes; None for `sizes.csv` of the folder, where that is there.

    Raises:
        OptionError: if there is no dataset, or no labelled image of the split.
        LabelError: if a label or a size is malformed.
    """
    datasets = discover([root]).datasets
    if len(datasets) != 1:
        raise OptionError(f"{root} holds {len(datasets)} labelled datasets; give the folder of one")
    (dataset,) = datasets
    images = []
    for image in dataset.images:
        labels = dataset.labels_of(image) if image.split == split else None
        if labels is not None:
            objects = tuple(
                TrueObject(box.class_id, (box.x - box.w / 2, box.y - box.h / 2, box.x + box.w / 2, box.y + box.h / 2))
                for box in labels.boxes
            )
            images.append(TrueImage(Path(image.file.url), objects))
    if not images:
        raise OptionError(f"dataset {root} has no labelled {split} image; name another `split`")
    place = sizes or Path(root, SIZES_FILE)
    known = _read_sizes(place, dataset.classes) if sizes or place.is_file() else {}
    ordered = tuple(sorted(images, key=lambda image: image.path.name))
    return TrueDataset(tuple(dataset.classes), split, ordered, known)


def _read_sizes(path: Path, classes: Sequence[str]) -> dict[str, tuple[TrueObject, ...]]:
    try:
        text = read_content(path, _MOST_BYTES).decode()
    except (ContentError, UnicodeDecodeError) as error:
        raise LabelError(f"sizes {path} {error}; give a CSV with columns {', '.join(_COLUMNS)}") from None
    rows = csv.DictReader(io.StringIO(text))
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        raise LabelError(f"sizes {path} must have columns {', '.join(_COLUMNS)}")
    numbers = {name: number for number, name in enumerate(classes)}
    objects: dict[str, list[TrueObject]] = {}
    for line, row in enumerate(rows, 2):
        try:
            edges = (float(row["left_px"]), float(row["top_px"]), float(row["right_px"]), float(row["bottom_px"]))
            diameter = float(row["diameter_um"])
            members = int(row["members"]) if row.get("members") else None
            measured = TrueObject(numbers[row["class"]], edges, diameter, members)
        except (KeyError, TypeError, ValueError):
            raise LabelError(
                f"{path}, line {line}: no object of {', '.join(classes)} with edges and diameter; correct it"
            ) from None
        if not diameter > 0:
            raise LabelError(f"{path}, line {line}: diameter {diameter:g} must be above 0; correct it")
        objects.setdefault(row["image"], []).append(measured)
    return {name: tuple(each) for name, each in objects.items()}


def match_objects(boxes: Sequence[tuple[int, Edges]], truth: Sequence[TrueObject]) -> list[tuple[int, int]]:
    """Match boxes with true objects of the same class, each at most once, the closest first.

    Args:
        boxes: class_id and edges, in pixels.
        truth: in pixels.

    Returns:
        Pairs of numbers: of the box, and of the true object.
    """
    if not boxes or not truth:
        return []
    overlaps = box_iou(np.array([edges for _, edges in boxes]), np.array([each.edges for each in truth]))
    same = np.array([class_id for class_id, _ in boxes])[:, None] == np.array([each.class_id for each in truth])[None]
    overlaps = np.where(same, overlaps, 0)
    pairs: list[tuple[int, int]] = []
    for flat in np.argsort(-overlaps, axis=None):
        box, other = divmod(int(flat), len(truth))
        if overlaps[box, other] < _SAME_OBJECT:
            break
        if all(box != first and other != second for first, second in pairs):
            pairs.append((box, other))
    return pairs
