"""Images of the demo's workshop, each of a bench of its own: what a detector needs to know tools, and not benches."""

from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.workshop.sample import make_camera
from raypp.demo.workshop.tools import CLASSES
from tests.usage.benches import SIZE

_SECONDS = 30.0
_QUALITY = 92


def make_stills(root: Path, seed: int, train: int, val: int) -> Path:
    """Write a dataset in YOLO layout: one moment of every bench, with the exact boxes.

    Args:
        root: folder to write into.
        seed: the same seed gives the same images; benches of other seeds, and of videos, are others.
        train, val: number of images.
    """
    for split, count, first in (("train", train, 0), ("val", val, train)):
        images, labels = root / "images" / split, root / "labels" / split
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            image, boxes = _still(np.random.default_rng([seed, number]))
            image.save(images / f"bench-{number:05d}.jpg", quality=_QUALITY)
            (labels / f"bench-{number:05d}.txt").write_text(boxes)
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}")
    return root


def _still(generator: np.random.Generator) -> tuple[Image.Image, str]:
    eye, _ = make_camera(_SECONDS, SIZE, generator)
    pixels, visible = eye.image(int(generator.integers(1000)), float(generator.uniform(0, _SECONDS)))
    width, height = SIZE
    lines = []
    for tool in visible:
        left, top, right, bottom = tool.box
        centre = f"{(left + right) / 2 / width:.6f} {(top + bottom) / 2 / height:.6f}"
        lines.append(f"{tool.class_id} {centre} {(right - left) / width:.6f} {(bottom - top) / height:.6f}\n")
    return Image.fromarray(pixels), "".join(lines)
