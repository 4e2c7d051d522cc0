"""The archive of images of benches: the same by seed, other benches than the videos', boxes where tools are drawn."""

from pathlib import Path

import numpy as np
from PIL import Image

from raypp.compare.images import read_images
from raypp.demo.workshop.sample import make_camera
from raypp.demo.workshop.stills import MOMENTS, draw_archive
from raypp.demo.workshop.tools import CLASSES


def _contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_same_seed_draws_the_same_archive_and_another_seed_another(tmp_path: Path) -> None:
    counts: list[int] = []
    first = _contents(draw_archive(tmp_path / "first", 3, 2, 1, counts.append))
    assert sum(counts) == 3 * MOMENTS
    assert _contents(draw_archive(tmp_path / "again", 3, 2, 1)) == first
    other = _contents(draw_archive(tmp_path / "other", 4, 2, 1))
    assert other.keys() == first.keys()
    assert all(other[name] != first[name] for name in first if name.endswith(".jpg"))


def test_its_benches_are_labelled_in_yolo_layout_and_none_is_in_both_splits(tmp_path: Path) -> None:
    images = read_images(str(draw_archive(tmp_path / "archive", 3, 2, 1)))
    assert images.classes == CLASSES
    benches = {split: {Path(image.name).stem[:11] for image in members} for split, members in images.splits.items()}
    assert {split: len(names) for split, names in benches.items()} == {"train": 2, "val": 1}
    assert not benches["train"] & benches["val"]
    for image in (*images.splits["train"], *images.splits["val"]):
        assert image.boxes
        assert all(0 < box.w < 1 and box.x - box.w / 2 >= 0 and box.x + box.w / 2 <= 1 for box in image.boxes)


def test_its_first_bench_is_not_the_first_camera_of_the_sample_of_that_seed(tmp_path: Path) -> None:
    eye, _ = make_camera(30.0, (640, 360), np.random.default_rng([3, 0, 0]))
    drawn = np.asarray(Image.open(draw_archive(tmp_path / "archive", 3, 1, 1) / "images/train/bench-00000-0.jpg"))
    video = np.asarray(Image.fromarray(eye.image(0, 0.0)[0]).resize((320, 180), Image.Resampling.BOX))
    assert np.abs(drawn.astype(int) - video).mean() > 5
