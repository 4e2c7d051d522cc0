"""YOLO-layout datasets: splits as data.yaml has them, labels checked by line."""

from pathlib import Path

import pytest

from raypp.errors import LabelError
from raypp.media.archive import discover
from raypp.media.dataset import Box, Dataset, parse_labels
from tests.data import shared_data
from tests.films import make_dataset, make_picture


def _read(root: Path) -> Dataset:
    found = discover([str(root)])
    assert not found.problems, found.problems
    (dataset,) = found.datasets
    return dataset


def _splits(dataset: Dataset) -> dict[str, int]:
    names = [image.split for image in dataset.images]
    return {name: names.count(name) for name in sorted(set(names))}


@pytest.mark.parametrize("document", [
    "train: images/train\nval: images/val\nnames: [hammer, saw]\n",
    "path: .\ntrain: ./images/train\nval: images/val\nnames: {0: hammer, 1: saw}\n",
    "train: ../images/train\nvalid: ../images/val\nnc: 2\nnames: [hammer, saw]\n",
    "train: [images/train]\nval: list.txt\nnames: [hammer, saw]\n",
])  # fmt: skip
def test_the_ways_of_naming_splits(document: str, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "list.txt").write_text("./images/val/000.jpg\nimages/val/003.jpg\n")
    (root / "data.yaml").write_text(document)
    dataset = _read(root)
    assert dataset.classes == ("hammer", "saw")
    assert _splits(dataset) == {"train": 4, "val": 2}
    assert all(image.label_url for image in dataset.images)


def test_pictures_that_no_split_names_are_kept_and_said(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    make_picture(root / "images" / "extra" / "x.jpg")
    make_picture(root / "images" / "test" / "y.jpg")
    assert _splits(_read(root)) == {"test": 1, "train": 4, "unlisted": 1, "val": 2}


@pytest.mark.parametrize(("document", "named"), [
    ("train: [", "is no YAML"),
    ("train: " + "[" * 100_000, "nested deeper"),
    ("just text", "must map train"),
    ("train: images/train\n", "names must list the classes"),
    ("train: images/train\nnames: {0: a, b: c}\n", "names must list the classes"),
    ("train: images/nowhere\nnames: [a]\n", "images/nowhere"),
    ("train: list.txt\nnames: [a]\n", "nowhere/1.jpg"),
    ("train: bytes.txt\nnames: [a]\n", "bytes.txt"),
])  # fmt: skip
def test_a_malformed_data_yaml_is_a_problem(document: str, named: str, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "list.txt").write_text("nowhere/1.jpg\n")
    (root / "bytes.txt").write_bytes(b"\xff\xfe")
    (root / "data.yaml").write_text(document)
    found = discover([str(root)])
    assert not found.datasets
    assert not found.files, "pictures of a dataset that cannot be read are not veiled without their labels"
    assert named in found.problems[0].reason


def test_boxes_and_polygons() -> None:
    text = "1 0.5 0.5 0.2 0.4\n\n0 0.1 0.1 0.3 0.1 0.2 0.5\n0 0.0005 0.5 0.002 0.2\n"
    boxes = parse_labels(text, ("a", "b"), "x.txt")
    assert boxes[0] == Box(1, 0.5, 0.5, pytest.approx(0.2), pytest.approx(0.4))
    assert boxes[1] == Box(0, pytest.approx(0.2), pytest.approx(0.3), pytest.approx(0.2), pytest.approx(0.4))
    assert boxes[2].x - boxes[2].w / 2 == 0, "overshoot of a thousandth is clipped"


@pytest.mark.parametrize(("line", "named"), [
    ("7 0.5 0.5 0.1 0.1", "class index 7"),
    ("-1 0.5 0.5 0.1 0.1", "class index -1"),
    ("1.5 0.5 0.5 0.1 0.1", "'1.5'"),
    ("0 0.9 0.5 0.6 0.2", "outside the picture"),
    ("0 0.5 0.5 nan 0.2", "outside the picture"),
    ("0 0.5 0.5 0 0.2", "no area"),
    ("0 0.5 0.5 0.1", "3 numbers"),
    ("0 0.5 0.5 0.1 x", "no number"),
])  # fmt: skip
def test_a_wrong_label_names_file_and_line(line: str, named: str) -> None:
    with pytest.raises(LabelError) as caught:
        parse_labels(f"0 0.5 0.5 0.1 0.1\n{line}\n", ("a", "b"), "x.txt")
    assert "x.txt:2: " in str(caught.value)
    assert named in str(caught.value)


def test_real_datasets_read_whole() -> None:
    found = discover([str(shared_data())])
    assert {dataset.name: (len(dataset.images), len(dataset.classes)) for dataset in found.datasets} == {
        "bccd": (363, 3), "ppe4": (1021, 4), "tools17": (1021, 17),
    }  # fmt: skip
    assert not found.problems
