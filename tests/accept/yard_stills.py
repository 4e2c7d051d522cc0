"""Images of yards, each of a yard of its own: what a detector needs to know people and equipment, and not yards."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.render import YardCamera
from raypp.demo.yard.script import write_script
from raypp.demo.yard.sight import Scene
from raypp.demo.yard.site import Seeds
from tests.accept.stills import Still, write_stills

_SECONDS = 30.0


def make_yard_stills(root: Path, first: int, train: int, val: int, tall: float = 1.0) -> Path:
    """Write a dataset in YOLO layout: one moment of every yard, with the exact boxes.

    Args:
        root: folder to write into.
        first: number of the first yard, among those to train on.
        train, val: number of images.
        tall: how many times as high as usual people are in the image.
    """
    middle = first + train
    still = partial(_still, tall)
    return write_stills(root, "yard", CLASSES, still, range(first, middle), range(middle, middle + val))


def _still(tall: float, number: int) -> Still:
    generator = np.random.default_rng([Seeds.TRAIN.value, number])
    people = write_script(_SECONDS, generator, tall) + write_script(_SECONDS, generator, tall)
    time_s = float(generator.uniform(3, _SECONDS))
    there = ((number, person, person.figure(time_s)) for number, person in enumerate(people))
    scene = Scene([(number, figure, person.outfit(time_s)) for number, person, figure in there if figure])
    pixels = YardCamera(people, generator).image(int(generator.integers(1000)), time_s)
    return Image.fromarray(pixels), scene.detections
