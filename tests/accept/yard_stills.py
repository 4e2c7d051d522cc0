"""Images of yards, each of a yard of its own: what a detector needs to know people and equipment, and not yards."""

from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.render import YardCamera
from raypp.demo.yard.script import write_script
from raypp.demo.yard.sight import Scene
from raypp.demo.yard.site import Seeds

_SECONDS = 30.0
_QUALITY = 92


def make_yard_stills(root: Path, first: int, train: int, val: int) -> Path:
    """Write a dataset in YOLO layout: one moment of every yard, with the exact boxes.

    Args:
        root: folder to write into.
        first: number of the first yard, among those to train on.
        train, val: number of images.
    """
    for split, count, begin in (("train", train, first), ("val", val, first + train)):
        images, labels = root / "images" / split, root / "labels" / split
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        for number in range(begin, begin + count):
            image, boxes = _still(np.random.default_rng([Seeds.TRAIN.value, number]))
            image.save(images / f"yard-{number:05d}.jpg", quality=_QUALITY)
            (labels / f"yard-{number:05d}.txt").write_text(boxes)
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}")
    return root


def _still(generator: np.random.Generator) -> tuple[Image.Image, str]:
    people = write_script(_SECONDS, generator) + write_script(_SECONDS, generator)
    time_s = float(generator.uniform(3, _SECONDS))
    there = ((number, person, person.figure(time_s)) for number, person in enumerate(people))
    scene = Scene([(number, figure, person.outfit(time_s)) for number, person, figure in there if figure])
    pixels = YardCamera(people, generator).image(int(generator.integers(1000)), time_s)
    lines = []
    for box in scene.detections:
        centre = f"{(box.x1 + box.x2) / 2:.6f} {(box.y1 + box.y2) / 2:.6f}"
        lines.append(f"{box.class_id} {centre} {box.x2 - box.x1:.6f} {box.y2 - box.y1:.6f}\n")
    return Image.fromarray(pixels), "".join(lines)
