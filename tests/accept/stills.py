"""Images to train on, each of a scene of its own, with exact boxes: moments of the demo's benches, and any others."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.workshop.compliance import make_procedure_camera
from raypp.demo.workshop.procedure import deal_kinds
from raypp.demo.workshop.render import Camera
from raypp.demo.workshop.sample import make_camera
from raypp.demo.workshop.tools import BENCH_CLASSES, CLASSES, PART
from raypp.usage.observation import Detection
from tests.usage.benches import SIZE

_SECONDS = 30.0
_QUALITY = 92
_PROCEDURE_SEED = 8000
_AT_WORK = 0.8
"""Share of images of a procedure's bench that show a moment at which a tool is in use; at random moments few do."""
Still = tuple[Image.Image, Sequence[Detection]]


def make_stills(root: Path, seed: int, train: int, val: int) -> Path:
    """Write a dataset of benches with tools.

    Args:
        root: folder to write into.
        seed: the same seed gives the same images; benches of other seeds, and of videos, are others.
        train, val: number of images.
    """
    return write_stills(root, "bench", CLASSES, partial(bench_still, seed), range(train), range(train, train + val))


def make_procedure_stills(root: Path, first: int, train: int, val: int) -> Path:
    """Write a dataset of benches on which parts are worked on.

    Args:
        root: folder to write into.
        first: number of the first bench; those of videos are others.
        train, val: number of images.
    """
    middle = first + train
    return write_stills(
        root, "bench", BENCH_CLASSES, procedure_still, range(first, middle), range(middle, middle + val)
    )


def write_stills(
    root: Path, scene: str, classes: Sequence[str], still: Callable[[int], Still], train: range, val: range
) -> Path:
    """Write a dataset in YOLO layout.

    Args:
        root: folder to write into.
        scene: how files are called, before their number.
        classes: names of what may be seen.
        still: makes the image of a number, with its boxes.
        train, val: numbers of the images.
    """
    for split, numbers in (("train", train), ("val", val)):
        images, labels = root / "images" / split, root / "labels" / split
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            image, boxes = still(number)
            image.save(images / f"{scene}-{number:05d}.jpg", quality=_QUALITY)
            (labels / f"{scene}-{number:05d}.txt").write_text("".join(map(_line, boxes)))
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(classes))
    (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}")
    return root


def seen_of(eye: Camera, time_s: float) -> list[Detection]:
    """Return what a perfect detector finds before a bench's camera at a moment."""
    width, height = SIZE
    return [
        Detection(tool.class_id, 1.0, left / width, top / height, right / width, bottom / height)
        for tool in eye.visible(time_s)
        for left, top, right, bottom in [tool.box]
    ]


def _line(box: Detection) -> str:
    centre = f"{(box.x1 + box.x2) / 2:.6f} {(box.y1 + box.y2) / 2:.6f}"
    return f"{box.class_id} {centre} {box.x2 - box.x1:.6f} {box.y2 - box.y1:.6f}\n"


def bench_still(seed: int, number: int) -> Still:
    """Return a moment of a bench with tools, by its number."""
    generator = np.random.default_rng([seed, number])
    eye, _ = make_camera(_SECONDS, SIZE, generator)
    return _moment(eye, generator)


def procedure_still(number: int) -> Still:
    """Return a moment of a bench on which parts are worked on, by its number."""
    generator = np.random.default_rng([_PROCEDURE_SEED, number])
    eye, plan = make_procedure_camera(_SECONDS, deal_kinds(_PROCEDURE_SEED, number), generator)
    works = [use for use in plan.script.uses if use.class_id != PART]
    if not works or generator.random() > _AT_WORK:
        return _moment(eye, generator)
    work = works[int(generator.integers(len(works)))]
    return _moment(eye, generator, work.start_s, work.end_s)


def _moment(eye: Camera, generator: np.random.Generator, start_s: float = 0.0, end_s: float = _SECONDS) -> Still:
    index, time_s = int(generator.integers(1000)), float(generator.uniform(start_s, end_s))
    pixels, _ = eye.image(index, time_s)
    return Image.fromarray(pixels), seen_of(eye, time_s)
