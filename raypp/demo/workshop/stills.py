"""An archive of labelled images: some moments of each of many drawn benches, which no video shows."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from raypp.demo.workshop.recording import Progress
from raypp.demo.workshop.render import Visible
from raypp.demo.workshop.sample import make_camera
from raypp.demo.workshop.tools import CLASSES

MOMENTS = 3
"""Images of each bench: drawing a bench and its tools takes as long as drawing three moments of it."""
_SIZE = (640, 360)
_WIDTH, _HEIGHT = 320, 180
_SECONDS = 30.0
_QUALITY = 92


class Drawn(IntEnum):
    """Tell why an archive is drawn: archives of different reasons share no bench, nor do they with any video."""

    PUBLISHED = 1
    """For what comes with raypp."""
    HERE = 2
    """For a veil of one's own."""


def draw_archive(
    root: Path,
    seed: int,
    train: int,
    val: int,
    progress: Progress | None = None,
    drawn: Drawn = Drawn.HERE,
    moments: int = MOMENTS,
) -> Path:
    """Draw a labelled archive of images, some of each bench.

    Args:
        root: folder to write into, in YOLO layout.
        seed: the same seed gives the same benches; those of other seeds, and of videos, are others.
        train: number of benches to train on.
        val: number of others to validate on.
        progress: called with the number of images drawn since the last call.
        drawn: why; it decides on the benches as the seed does.
        moments: images of each bench.

    Returns:
        The folder.
    """
    for split, numbers in (("train", range(train)), ("val", range(train, train + val))):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for count in pool.map(partial(_draw_bench, root, split, seed, drawn, moments), numbers):
                if progress:
                    progress(count)
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    (root / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}")
    return root


def bench_seeds(seed: int, drawn: Drawn, number: int) -> list[int]:
    """Return what the generator of a bench starts from.

    It ends in a number that is not 0. The generators of videos start from seed, site and camera, which stand for the
    same words as with a 0 behind. Tests draw both.
    """
    return [seed, drawn, number, MOMENTS]


def _draw_bench(root: Path, split: str, seed: int, drawn: Drawn, moments: int, number: int) -> int:
    """Draw the moments of a bench; returns how many."""
    generator = np.random.default_rng(bench_seeds(seed, drawn, number))
    eye, _ = make_camera(_SECONDS, _SIZE, generator, noises=1)
    for moment, time_s in enumerate(generator.uniform(0, _SECONDS, moments).tolist()):
        pixels, visible = eye.image(0, time_s)
        stem = f"bench-{number:05d}-{moment}"
        image = Image.fromarray(pixels).resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
        image.save(root / "images" / split / f"{stem}.jpg", quality=_QUALITY)
        (root / "labels" / split / f"{stem}.txt").write_text(_lines(visible))
    return moments


def _lines(visible: Sequence[Visible]) -> str:
    """Write boxes as YOLO does: class, centre, width and height, as fractions of the image."""
    width, height = _SIZE
    lines = []
    for tool in visible:
        left, top, right, bottom = tool.box
        x, y = (left + right) / 2 / width, (top + bottom) / 2 / height
        lines.append(f"{tool.class_id} {x:.6f} {y:.6f} {(right - left) / width:.6f} {(bottom - top) / height:.6f}\n")
    return "".join(lines)
