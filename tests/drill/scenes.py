"""Scenes that a small detector learns in a minute: discs and bars in motion before a textured wall."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

CLASSES = ("bar", "disc")
WIDTH, HEIGHT = 160, 96
_COLOURS = ((60, 90, 210), (210, 60, 50))
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Thing:
    """A thing of a scene.

    Attributes:
        kind: its class, an index of CLASSES.
        size: width and height in pixels.
        begin: left and top in the first frame, in pixels.
        step: how far it goes from frame to frame, in pixels.
    """

    kind: int
    size: tuple[int, int]
    begin: tuple[float, float]
    step: tuple[float, float]

    def box(self, frame: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in a frame, in pixels; it is thrown back at the edges."""
        sides = (WIDTH, HEIGHT)
        left, top = (
            round(_reflected(begin + frame * step, side - size))
            for begin, step, side, size in zip(self.begin, self.step, sides, self.size, strict=True)
        )
        return left, top, left + self.size[0], top + self.size[1]


def _reflected(place: float, room: int) -> float:
    turned = place % (2 * room)
    return turned if turned <= room else 2 * room - turned


def _things(chance: np.random.Generator) -> list[Thing]:
    def thing() -> Thing:
        kind = int(chance.integers(len(CLASSES)))
        side = int(chance.integers(36, 56))
        size = (side // 2, side + 20) if kind == 0 else (side, side)
        begin = float(chance.uniform(0, WIDTH)), float(chance.uniform(0, HEIGHT))
        return Thing(kind, size, begin, (float(chance.uniform(1, 4)), float(chance.uniform(1, 3))))

    return [thing() for _ in range(int(chance.integers(1, 3)))]


def frames(seed: int, count: int) -> Iterator[tuple[Pixels, list[tuple[int, tuple[int, int, int, int]]]]]:
    """Draw a scene: uint8[96, 160, 3] and the boxes of its things, frame by frame; deterministic by seed."""
    chance = np.random.default_rng(seed)
    wall = chance.integers(70, 150, (HEIGHT // 4, WIDTH // 4, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    things = _things(chance)
    for number in range(count):
        image = Image.fromarray(wall)
        pen = ImageDraw.Draw(image)
        boxes = [(thing.kind, thing.box(number)) for thing in things]
        for kind, (left, top, right, bottom) in boxes:
            draw = pen.rectangle if kind == 0 else pen.ellipse
            draw((left, top, right - 1, bottom - 1), fill=_COLOURS[kind])
        yield np.asarray(image), boxes


def write_images(root: Path, count: int) -> Path:
    """Write a dataset in YOLO layout: each image a scene of its own, every fifth for validation."""
    return _write(root, {index: "val" if index % 5 == 0 else "train" for index in range(count)})


def write_scenes(root: Path, seed: int, train: int, val: int) -> Path:
    """Write a dataset in YOLO layout: each image a scene of its own, others for each seed."""
    first = seed * 10_000
    return _write(root, {first + number: "train" if number < train else "val" for number in range(train + val)})


def _write(root: Path, split_of: dict[int, str]) -> Path:
    for index, split in split_of.items():
        pixels, boxes = next(frames(index, 1))
        path = root / "images" / split / f"{index:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        rows = [" ".join(map(str, (kind, *_centred(box)))) for kind, box in boxes]
        label = root / "labels" / split / f"{index:04}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("\n".join(rows) + "\n")
    (root / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames: {list(CLASSES)}\n")
    return root


def write_video(path: Path, seed: int, count: int, fps: int = 5) -> Path:
    """Write a video of a scene with `.labels.csv` beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container, path.with_suffix(".labels.csv").open("w", newline="") as labels:
        rows = csv.writer(labels)
        rows.writerow(("time_s", "class", "x", "y", "w", "h"))
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "18", "threads": "1"}
        for number, (pixels, boxes) in enumerate(frames(seed, count)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
            for kind, box in boxes:
                sides = (f"{side:.5f}" for side in _centred(box))
                rows.writerow((f"{number / fps:.3f}", CLASSES[kind], *sides))
        container.mux(stream.encode(None))
    return path


def _centred(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    centre = (left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT
    return (*centre, (right - left) / WIDTH, (bottom - top) / HEIGHT)
