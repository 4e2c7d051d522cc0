"""Small images of benches, each of a scene of its own, seen from near: for measurements on few CPUs.

`python -m tests.accept.near_stills OUT --train 320 --val 32`
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.workshop.sample import make_camera
from raypp.demo.workshop.tools import CLASSES
from raypp.usage.observation import Detection
from tests.accept.stills import Still, write_stills

NEAR, NEARER = (448, 252), (320, 180)
"""Sizes of images, in pixels: tools have their usual size, so in small images they are large."""
_SECONDS = 30.0
_SEED = 9000


def near_still(seed: int, size: tuple[int, int], number: int) -> Still:
    """Return a moment of a bench with tools, by its number."""
    generator = np.random.default_rng([seed, number])
    eye, _ = make_camera(_SECONDS, size, generator)
    time_s = float(generator.uniform(0, _SECONDS))
    pixels, _ = eye.image(int(generator.integers(1000)), time_s)
    width, height = size
    boxes = [
        Detection(tool.class_id, 1.0, left / width, top / height, right / width, bottom / height)
        for tool in eye.visible(time_s)
        for left, top, right, bottom in [tool.box]
    ]
    return Image.fromarray(pixels), boxes


def make_near_stills(root: Path, train: int, val: int, seed: int = _SEED, size: tuple[int, int] = NEARER) -> Path:
    """Write a dataset of benches seen from near.

    Args:
        root: folder to write into.
        train, val: number of images.
        seed: the same seed gives the same images; benches of other seeds are others.
        size: width and height, in pixels.
    """
    return write_stills(root, "near", CLASSES, partial(near_still, seed, size), range(train), range(train, train + val))


def main() -> None:
    """Write one."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.near_stills", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", type=int, required=True)
    parser.add_argument("--val", type=int, required=True)
    parser.add_argument("--seed", type=int, default=_SEED)
    options = parser.parse_args()
    make_near_stills(options.out, options.train, options.val, options.seed)


if __name__ == "__main__":
    main()
