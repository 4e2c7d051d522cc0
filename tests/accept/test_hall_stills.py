"""Stills of halls: the same by number, each of another scene, with boxes inside; those of benches are told apart."""

from pathlib import Path

import numpy as np
from PIL import Image

from raypp.compare.images import read_images
from raypp.demo.workshop.tools import BENCH_CLASSES
from tests.accept.hall_stills import HALL_CLASSES, make_hall_stills, of_bench


def test_the_same_numbers_give_the_same_images_and_each_is_of_another_scene(tmp_path: Path) -> None:
    first, again = (make_hall_stills(tmp_path / name, 30, 3, 3, 160) for name in ("first", "again"))
    files = sorted(path.relative_to(first) for path in first.rglob("hall-*"))
    assert len(files) == 2 * 6
    assert all((first / file).read_bytes() == (again / file).read_bytes() for file in files)
    images = [np.asarray(Image.open(first / file)) for file in files if file.suffix == ".jpg"]
    assert {image.shape for image in images} == {(90, 160, 3)}
    assert len({image.tobytes() for image in images}) == 6

    dataset = read_images(str(first))
    assert dataset.classes == HALL_CLASSES
    for labelled in dataset.splits.values():
        assert [of_bench(image.name) for image in labelled] == [True, True, False]
        for image in labelled:
            assert image.boxes
            assert {HALL_CLASSES[box.class_id] in BENCH_CLASSES for box in image.boxes} == {of_bench(image.name)}
            for box in image.boxes:
                assert min(box.x - box.w / 2, box.y - box.h / 2) >= -1e-6
                assert max(box.x + box.w / 2, box.y + box.h / 2) <= 1 + 1e-6
