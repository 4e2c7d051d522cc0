"""A dataset of micrographs in YOLO layout, with the true sizes beside it; the same for the same seed."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from raypp.demo.micrographs.render import draw_micrograph
from raypp.demo.micrographs.specimen import CLASSES, Specimen, draw_specimen
from raypp.errors import OptionError
from raypp.io.atomic import whole_folder
from raypp.progress import SILENT, Progress

SIZES_FILE, ARTEFACTS_FILE = "sizes.csv", "artefacts.csv"
SPLITS = "train", "val", "test"
_LEAST_SIDE, _MOST_SIDE = 160, 6000


@dataclass(frozen=True)
class MicrographSettings:
    """Settings of a dataset.

    Attributes:
        out: the folder.
        train, val, test: images of each split.
        seed: the same seed gives the same dataset.
        size: width and height of an image, in pixels, each 160 to 6,000.
        density: particles relative to about 24 in 640x480 pixels.
        um_per_px: side of a pixel in micrometres, in which sizes are written.
    """

    out: Path
    train: int = 240
    val: int = 60
    test: int = 60
    seed: int = 0
    size: tuple[int, int] = (640, 480)
    density: float = 1.0
    um_per_px: float = 0.8

    def check(self) -> None:
        """Raise OptionError for a value out of range."""
        if not all(_LEAST_SIDE <= side <= _MOST_SIDE for side in self.size):
            raise OptionError(f"`size` {self.size[0]}x{self.size[1]} must be {_LEAST_SIDE} to {_MOST_SIDE} each way")
        if not 0 < self.density <= 3:
            raise OptionError(f"`density` {self.density:g} must be above 0, up to 3")
        if not 0 < self.um_per_px <= 1000:
            raise OptionError(f"`scale` {self.um_per_px:g} must be above 0, up to 1000 micrometres a pixel")
        for split, count in self.counts.items():
            if count < 0:
                raise OptionError(f"`{split}` {count} must be 0 or more")

    @property
    def counts(self) -> Mapping[str, int]:
        """Images of each split."""
        return {"train": self.train, "val": self.val, "test": self.test}


class MicrographSummary(BaseModel):
    """Summary of drawing."""

    model_config = ConfigDict(frozen=True)

    out: str
    images: dict[str, int] = Field(description="by split")
    particles: dict[str, int] = Field(description="by class")
    artefacts: int


def write_micrographs(settings: MicrographSettings, progress: Progress = SILENT) -> MicrographSummary:
    """Write a dataset: images, labels, `data.yaml`, and the truth in `sizes.csv` and `artefacts.csv`.

    Raises:
        OptionError: for a setting out of range, or a folder that holds something.
    """
    settings.check()
    out = settings.out
    if out.exists() and any(out.iterdir()):
        raise OptionError(f"`out` {out} is not empty; choose another folder")
    sizes, artefacts = _Table(_SIZE_COLUMNS), _Table(_ARTEFACT_COLUMNS)
    particles = dict.fromkeys(CLASSES, 0)
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(out) as folder, progress.task("drawing micrographs", sum(settings.counts.values())) as advance:
        for split, name, generator in _images(settings):
            specimen = draw_specimen(settings.size, settings.density, generator)
            _write_image(folder, split, name, specimen, draw_micrograph(specimen, settings.size, generator))
            for particle in specimen.particles:
                particles[CLASSES[particle.class_id]] += 1
            sizes.rows += _size_rows(settings, split, name, specimen)
            artefacts.rows += _artefact_rows(split, name, specimen)
            advance(1, "", 1)
        sizes.write(folder / SIZES_FILE)
        artefacts.write(folder / ARTEFACTS_FILE)
        splits = {split: f"images/{split}" for split, count in settings.counts.items() if count}
        (folder / "data.yaml").write_text(yaml.safe_dump({**splits, "names": list(CLASSES)}, sort_keys=False))
    return MicrographSummary(
        out=str(out), images=dict(settings.counts), particles=particles, artefacts=len(artefacts.rows)
    )


_SIZE_COLUMNS = (
    *("image", "split", "class", "left_px", "top_px", "right_px", "bottom_px"),
    *("diameter_um", "feret_min_um", "feret_max_um", "members"),
)
_ARTEFACT_COLUMNS = "image", "split", "kind", "left_px", "top_px", "right_px", "bottom_px"


class _Table:
    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self.rows: list[tuple[object, ...]] = []

    def write(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([self._columns, *self.rows])


def _images(settings: MicrographSettings) -> Iterator[tuple[str, str, np.random.Generator]]:
    for number, split in enumerate(SPLITS):
        for index in range(settings.counts[split]):
            yield split, f"{split}-{index:04d}", np.random.default_rng([settings.seed, number, index])


def _write_image(folder: Path, split: str, name: str, specimen: Specimen, pixels_HW: npt.NDArray[np.uint8]) -> None:
    size = np.array(pixels_HW.shape[::-1], dtype=np.float64)
    lines = []
    for particle in specimen.particles:
        low, high = np.array(particle.box[:2]) / size, np.array(particle.box[2:]) / size
        (x, y), (w, h) = (low + high) / 2, high - low
        lines.append(f"{particle.class_id} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n")
    for kind in ("images", "labels"):
        (folder / kind / split).mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels_HW).save(folder / "images" / split / f"{name}.png", compress_level=3)
    (folder / "labels" / split / f"{name}.txt").write_text("".join(lines))


def _size_rows(settings: MicrographSettings, split: str, name: str, specimen: Specimen) -> Iterator[tuple[object, ...]]:
    for particle in specimen.particles:
        diameter = 2 * np.sqrt(particle.area_px / np.pi)
        lengths = [round(float(length) * settings.um_per_px, 3) for length in (diameter, *particle.feret_px)]
        edges = (round(edge, 2) for edge in particle.box)
        yield name, split, CLASSES[particle.class_id], *edges, *lengths, particle.members


def _artefact_rows(split: str, name: str, specimen: Specimen) -> Iterator[tuple[object, ...]]:
    for artefact in specimen.artefacts:
        yield name, split, artefact.kind, *(round(edge, 2) for edge in artefact.box)
