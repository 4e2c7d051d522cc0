"""Images of all that the demo shows: benches with tools, benches with a procedure, floors with people."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.floor.camera import LABELLED, FloorCamera
from raypp.demo.workshop.tools import BENCH_CLASSES
from raypp.usage.observation import Detection
from tests.accept.stills import Still, bench_still, procedure_still, write_stills

HALL_CLASSES = (*BENCH_CLASSES, *LABELLED)
_FLOOR_SEED = 31
_SECONDS = 20.0


def make_hall_stills(root: Path, first: int, train: int, val: int, longest: int | None = None) -> Path:
    """Write a dataset in YOLO layout: one moment of each bench or floor, a third of each kind.

    Args:
        root: folder to write into.
        first: number of the first scene; those of the demo's videos are others.
        train, val: number of images.
        longest: longer side of the images, in pixels; None for as large as they are drawn.
    """
    middle = first + train
    still = partial(_still, longest)
    return write_stills(root, "hall", HALL_CLASSES, still, range(first, middle), range(middle, middle + val))


def _still(longest: int | None, number: int) -> Still:
    image, boxes = (bench_still, procedure_still, _floor_still)[number % 3](number)
    if longest:
        scale = longest / max(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BOX)
    return image, boxes


def _floor_still(number: int) -> Still:
    generator = np.random.default_rng([_FLOOR_SEED, number])
    camera = FloorCamera.make(_SECONDS, generator)
    index, time_s = int(generator.integers(1000)), float(generator.uniform(0, _SECONDS))
    pixels, visible = camera.image(index, time_s)
    height, width = pixels.shape[:2]
    return Image.fromarray(pixels), [
        Detection(
            len(BENCH_CLASSES) + seen.class_id,
            1.0,
            max(seen.box[0], 0) / width,
            max(seen.box[1], 0) / height,
            min(seen.box[2], width) / width,
            min(seen.box[3], height) / height,
        )
        for seen in visible
    ]
