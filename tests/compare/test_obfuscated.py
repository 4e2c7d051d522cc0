"""The obscured side of a comparison: what is written, that it is written once, and what it comes to."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.compare.images import ImageDataset, letterboxed, read_images
from raypp.compare.obfuscated import figures, obscure
from raypp.compare.plain import PlainFrames
from raypp.compare.ultralytics import UltralyticsBatches, lay_out
from raypp.detect.schedule import TrainingSchedule
from raypp.media.obfuscation import Blackout, Pixelation, PrivatePixelation
from tests.videos import make_dataset


@pytest.fixture
def plain(tmp_path: Path) -> ImageDataset:
    return read_images(str(make_dataset(tmp_path / "tools", count=6)))


def test_images_are_obscured_at_the_size_that_the_network_sees(plain: ImageDataset, tmp_path: Path) -> None:
    hidden = obscure(plain, Pixelation(side=32), 96, tmp_path / "hidden")
    for split in ("train", "val"):
        for before, after in zip(plain.splits[split], hidden.splits[split], strict=True):
            assert (after.name, after.boxes) == (before.name, before.boxes)
            shown = np.asarray(Image.open(after.path))
            assert shown.shape == (72, 96, 3)  # of 120x90: the last row of squares is cut with the image
            assert (shown[32:64, 64:96] == shown[32, 64]).all()
            assert (shown[64:, :32] == shown[64, 0]).all()
            _, seen = letterboxed(before, 96, 32)
            assert np.abs(shown[0, 0] - seen[:32, :32].mean(axis=(0, 1))).max() <= 0.5


def test_boxes_are_painted_where_they_are_labelled(plain: ImageDataset, tmp_path: Path) -> None:
    hidden = obscure(plain, Blackout(), 96, tmp_path / "hidden")
    shown = np.asarray(Image.open(hidden.splits["val"][0].path))
    assert not shown[18:54, 36:60].any()
    before = PlainFrames(plain.splits["val"], 96, 8).batch([0])
    after = PlainFrames(hidden.splits["val"], 96, 8).batch([0])
    changed = (before.inputs != after.inputs).any(dim=1)[0]
    assert changed[:, 36:60].any()
    assert not changed[:, :36].any()
    assert (before.boxes_M4 == after.boxes_M4).all()


def test_a_image_is_released_once(plain: ImageDataset, tmp_path: Path) -> None:
    way = PrivatePixelation(side=16, epsilon=1.0)
    first = obscure(plain, way, 96, tmp_path / "first")
    written = {image.path: image.path.stat().st_mtime_ns for image in first.splits["train"]}
    assert obscure(plain, way, 96, tmp_path / "first") == first
    assert {path: path.stat().st_mtime_ns for path in written} == written
    again = obscure(plain, way, 96, tmp_path / "again")
    for image, other in zip(first.splits["train"], again.splits["train"], strict=True):
        assert image.path.read_bytes() == other.path.read_bytes()


def test_ultralytics_augments_what_is_obscured_already(plain: ImageDataset, tmp_path: Path) -> None:
    """Nothing of an image whose every square is one colour can be finer than that, however it is moved about."""
    hidden = obscure(plain, Pixelation(side=96), 96, tmp_path / "hidden")
    schedule = TrainingSchedule(epochs=20, batch=4, steps=1, seed=0)
    batches = UltralyticsBatches(
        lay_out(hidden, tmp_path / "running"), hidden.splits["train"], hidden.classes, schedule, 96
    )
    (batch,) = batches.epoch(0)
    assert batch.inputs.shape == (4, 3, 96, 96)
    rows, columns = (batch.inputs.float().diff(dim=axis).abs().amax(dim=1) > 12 for axis in (2, 3))
    assert rows.float().mean() < 0.05
    assert columns.float().mean() < 0.05


def test_sizes_are_of_all_images(plain: ImageDataset, tmp_path: Path) -> None:
    hidden = obscure(plain, Pixelation(side=32), 96, tmp_path / "hidden")
    measured = figures(plain, hidden)
    assert measured.frames == 6
    assert measured.source_bytes == sum(image.path.stat().st_size for some in plain.splits.values() for image in some)
    assert 0 < measured.size_ratio < 0.5
