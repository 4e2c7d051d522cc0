"""Images to train on of all that the demo's cameras may see, each of a scene of its own, with exact boxes."""

from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.floor.camera import LABELLED, FloorCamera
from raypp.demo.workshop.tools import BENCH_CLASSES
from raypp.usage.observation import Detection
from tests.accept.stills import Still, bench_still, procedure_still, write_stills

HALL_CLASSES = tuple(dict.fromkeys((*BENCH_CLASSES, *LABELLED)))
_BENCH_SEED, _FLOOR_SEED = 6500, 31
_FLOOR_SECONDS = 20.0


def make_hall_stills(root: Path, first: int, train: int, val: int, longest: int) -> Path:
    """Write a dataset of benches with tools, benches with a procedure, and floors with people, a third of each.

    Args:
        root: folder to write into.
        first: number of the first scene; the rest of a number by 3 says of which kind its scene is.
        train, val: number of images.
        longest: longer side of the images, in pixels.
    """

    def still(number: int) -> Still:
        image, boxes = (_bench, procedure_still, _floor)[number % 3](number)
        scale = longest / max(image.size)
        size = round(image.width * scale), round(image.height * scale)
        return image.resize(size, Image.Resampling.BOX), boxes

    middle = first + train
    return write_stills(root, "hall", HALL_CLASSES, still, range(first, middle), range(middle, middle + val))


def of_bench(name: str) -> bool:
    """Whether an image of such a dataset shows a bench."""
    return int(Path(name).stem.removeprefix("hall-")) % 3 != 2


def _bench(number: int) -> Still:
    return bench_still(_BENCH_SEED, number)


def _floor(number: int) -> Still:
    generator = np.random.default_rng([_FLOOR_SEED, number])
    eye = FloorCamera.make(_FLOOR_SECONDS, generator)
    index, time_s = int(generator.integers(1000)), float(generator.uniform(0, _FLOOR_SECONDS))
    pixels, visible = eye.image(index, time_s)
    height, width = pixels.shape[:2]
    boxes = [
        Detection(
            HALL_CLASSES.index(LABELLED[seen.class_id]), 1.0, max(left, 0) / width, max(top, 0) / height,
            min(right, width) / width, min(bottom, height) / height,
        )
        for seen in visible
        for left, top, right, bottom in [seen.box]
    ]  # fmt: skip
    return Image.fromarray(pixels), boxes
