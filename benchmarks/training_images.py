"""A labelled dataset of made images, and its veiled archive, for the benchmarks of training."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

_WIDTH, _HEIGHT = 640, 480
_BOXES = 3
_VAL = 8


def make_images(root: Path, count: int) -> Path:
    """Write a YOLO dataset of `count` training images with a few boxes each, and some for val."""
    for number in range(count + _VAL):
        split = "train" if number < count else "val"
        chance = np.random.default_rng(number)
        texture = chance.integers(0, 256, (_HEIGHT // 8, _WIDTH // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        image, label = (root / kind / split / f"{number:04}" for kind in ("images", "labels"))
        for folder in (image.parent, label.parent):
            folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(texture).save(image.with_suffix(".jpg"))
        rows = (f"{number % 2} {x:.4f} {y:.4f} 0.2 0.3\n" for x, y in chance.uniform(0.2, 0.8, (_BOXES, 2)))
        label.with_suffix(".txt").write_text("".join(rows))
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [hammer, saw]\n")
    return root


def veiled_images(folder: Path, count: int, size: int) -> Path:
    """Make images in a folder, and veil them; return the archive."""
    images, key, archive = make_images(folder / "images", count), folder / "owner.key", folder / "veiled"
    for call in (
        ("keygen", "--out", key),
        ("veil", images, "--out", archive, "--key", key, "--size", size, "--on", "local"),
    ):
        command = [sys.executable, "-m", "raypp", *map(str, call)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return archive
