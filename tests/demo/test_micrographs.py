"""Micrographs: the same by seed, and labels, sizes and artefacts say what was drawn."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.demo.micrographs.dataset import MicrographSettings, write_micrographs
from raypp.demo.micrographs.specimen import Particle, draw_specimen
from raypp.errors import OptionError


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_dataset_is_the_same_by_seed_and_its_truth_is_that_of_its_labels(tmp_path):
    first, again, other = (
        MicrographSettings(tmp_path / name, train=2, val=1, test=1, seed=seed)
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    summary = write_micrographs(first)
    write_micrographs(again)
    write_micrographs(other)
    assert _files(first.out) == _files(again.out) != _files(other.out)
    sizes = _rows(first.out / "sizes.csv")
    labels = {path.stem: path.read_text().split("\n")[:-1] for path in first.out.glob("labels/*/*.txt")}
    assert Counter(row["image"] for row in sizes) == {name: len(lines) for name, lines in labels.items()}
    assert sum(summary.particles.values()) == len(sizes)
    assert summary.artefacts == len(_rows(first.out / "artefacts.csv")) > 0
    for row in sizes:
        x, y = (
            (float(row["left_px"]) + float(row["right_px"])) / 2,
            (float(row["top_px"]) + float(row["bottom_px"])) / 2,
        )
        assert any(
            abs(float(line.split()[1]) * 640 - x) < 0.1 and abs(float(line.split()[2]) * 480 - y) < 0.1
            for line in labels[row["image"]]
        )
        assert (int(row["members"]) > 1) == (row["class"] == "agglomerate")
        assert float(row["feret_min_um"]) <= float(row["feret_max_um"]) + 1e-9
        assert float(row["diameter_um"]) <= float(row["feret_max_um"]) + 1e-9
    with Image.open(first.out / "images" / "val" / "val-0000.png") as image:
        assert (image.size, image.mode) == ((640, 480), "L")


def test_areas_are_those_of_the_outline_and_members_that_cover_one_another_count_once():
    square = np.array([[10.0, 10.0], [30.0, 10.0], [30.0, 30.0], [10.0, 30.0]])
    assert Particle((square,), (0.2,)).area_px == pytest.approx(400)
    assert Particle((square, square + 10), (0.2, 0.2)).area_px == pytest.approx(700, rel=0.03)
    assert Particle((square,), (0.2,)).feret_px == pytest.approx((20, 20 * 2**0.5), rel=1e-3)


def test_density_and_size_change_the_number():
    few, many = (
        len(draw_specimen(size, density, np.random.default_rng(0)).particles)
        for size, density in (((640, 480), 0.3), ((1280, 960), 1.0))
    )
    assert few < 12
    assert many > 60


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": (100, 480)}, "`size`"),
        ({"density": 0}, "`density`"),
        ({"train": -1}, "`train`"),
        ({"um_per_px": 0}, "`scale`"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, fields, words):
    with pytest.raises(OptionError, match=words):
        write_micrographs(MicrographSettings(tmp_path / "out", **fields))
    (tmp_path / "a").write_text("")
    with pytest.raises(OptionError, match="is not empty"):
        write_micrographs(MicrographSettings(tmp_path))
