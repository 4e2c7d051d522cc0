"""YOLO-layout datasets: splits as data.yaml has them, labels checked by line."""

from pathlib import Path

import pytest

from raypp.media.dataset import Dataset, read_dataset_labels
from raypp.media.discovery import discover
from tests.data import shared_data
from tests.videos import make_dataset, make_image


def _read(root: Path) -> Dataset:
    discovery = discover([str(root)])
    assert not discovery.problems, discovery.problems
    (dataset,) = discovery.datasets
    return dataset


def _splits(dataset: Dataset) -> dict[str, int]:
    names = [image.split for image in dataset.images]
    return {name: names.count(name) for name in sorted(set(names))}


@pytest.mark.parametrize("document", [
    "train: images/train\nval: images/val\nnames: [hammer, saw]\n",
    "path: .\ntrain: ./images/train\nval: images/val\nnames: {0: hammer, 1: saw}\n",
    "train: ../images/train\nvalid: ../images/val\nnc: 2\nnames: [hammer, saw]\n",
    "path: /home/bob/tools\ntrain: images/train\nval: images/val\nnames: {'0': hammer, '1': saw}\n",
    "train: /content/datasets/tools/images/train\nval: ./Images/val\ntest:\nnames: [hammer, saw]\n",
    "train: images/train/*.jpg\nval: up.txt\nnames: [hammer, saw]\n",
    "train: images/train\nval: images/val\ntest: images/never\nnames: [hammer, saw]\n",
    "train: [images/train]\nval: list.txt\nnames: [hammer, saw]\n",
])  # fmt: skip
def test_the_ways_of_naming_splits(document: str, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "list.txt").write_text("./images/val/000.jpg\nimages/val/003.jpg\n")
    (root / "up.txt").write_text("../tools/images/val/000.jpg\n/home/bob/tools/images/val/003.jpg\n")
    (root / "data.yaml").write_text(document)
    dataset = _read(root)
    assert dataset.classes == ("hammer", "saw")
    assert _splits(dataset) == {"train": 4, "val": 2}
    assert all(image.label_url for image in dataset.images)


def test_images_that_no_split_names_are_kept_and_said(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    make_image(root / "images" / "extra" / "x.jpg")
    make_image(root / "images" / "test" / "y.jpg")
    assert _splits(_read(root)) == {"test": 1, "train": 4, "unlisted": 1, "val": 2}


@pytest.mark.parametrize(("document", "named"), [
    ("train: [", "is no YAML"),
    ("train: " + "[" * 100_000, "nested deeper"),
    ("just text", "must map train"),
    ("train: images/train\n", "names must list the classes"),
    ("train: images/train\nnames: {0: a, b: c}\n", "names must list the classes"),
    ("train: images/nowhere\nnames: [a]\n", "images/nowhere"),
    ("train: list.txt\nnames: [a]\n", "nowhere/1.jpg"),
    ('train: images/train\nval: images/val\nnames: [hammer, "s\\u001b[2Jaw"]\n', "cannot be shown"),
    ("train: images/train\nval: images/val\nnames: [hammer, " + 101 * "s" + "]\n", "1 to 100 characters"),
    ("train: bytes.txt\nnames: [a]\n", "bytes.txt"),
])  # fmt: skip
def test_a_malformed_data_yaml_is_a_problem(document: str, named: str, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "list.txt").write_text("nowhere/1.jpg\n")
    (root / "bytes.txt").write_bytes(b"\xff\xfe")
    (root / "data.yaml").write_text(document)
    discovery = discover([str(root)])
    assert not discovery.datasets
    assert not discovery.files, "images of a dataset that cannot be read are not veiled without their labels"
    assert named in discovery.problems[0].reason


@pytest.mark.parametrize("name", ["data.yml", "tools.yaml", "dataset.yaml"])
def test_a_yaml_of_another_name_describes_a_dataset_too(name: str, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "data.yaml").rename(root / name)
    assert _splits(_read(root)) == {"train": 4, "val": 2}


def test_a_yaml_named_as_the_source_leads_to_its_dataset(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    make_image(tmp_path / "elsewhere.jpg")
    discovery = discover([str(root / "data.yaml")])
    assert _splits(discovery.datasets[0]) == {"train": 4, "val": 2}
    assert not discovery.files


def test_a_yaml_that_is_no_dataset_is_none(tmp_path: Path) -> None:
    make_image(tmp_path / "a.jpg")
    (tmp_path / "masks.yaml").write_text("gate: [[[0, 0], [1, 0], [1, 1]]]\n")
    discovery = discover([str(tmp_path)])
    assert not discovery.datasets
    assert not discovery.problems
    assert len(discovery.files) == 1


def test_class_names_are_what_is_written(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "data.yaml").write_text("train: images\nnames: [on, off, no, 012, 10, 12:30, 1.0, null]\n")
    assert _read(root).classes == ("on", "off", "no", "012", "10", "12:30", "1.0", "null")


@pytest.mark.parametrize(("names", "named"), [
    ("[hammer, hammer]", "classes 0 and 1 are both named hammer"),
    ("[hammer, '']", "class 1 has no name"),
    ("{0: a, 2: b}", "number them from 0"),
    ("[a, b]\nnc: 3", "3 classes, and names 2"),
    ("[a]\nkpt_shape: 17", "kpt_shape '17'"),
    ("[a]\ntask: pose", "without kpt_shape"),
])  # fmt: skip
def test_a_description_that_says_two_things_is_refused(names: str, named: str, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "data.yaml").write_text(f"train: images/train\nnames: {names}\n")
    discovery = discover([str(root)])
    assert not discovery.files
    assert named in discovery.problems[0].reason


def test_images_of_two_splits_are_told(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [hammer, saw]\n")
    discovery = discover([str(root)])
    assert "4 images are in train and in val" in discovery.label_notes[0]


@pytest.mark.parametrize("layout", [
    "labels/{split}/{name}.txt", "images/{split}/{name}.txt", "Labels/{split}/{name}.TXT", "labels/{other}/{name}.txt",
    "labels/{name}.txt", "images/{split}/labels/{name}.txt",
])  # fmt: skip
def test_label_files_are_found_where_people_put_them(layout: str, tmp_path: Path) -> None:
    for split, other, name in (("train", "training", "a"), ("val", "validation", "b"), ("test", "testing", "c")):
        make_image(tmp_path / "images" / split / f"{name}.jpg")
        label = tmp_path / layout.format(split=split, other=other, name=name)
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("0 0.5 0.5 0.25 0.5\n")
    (tmp_path / "data.yaml").write_text("train: images/train\nval: images/val\ntest: images/test\nnames: [a]\n")
    dataset = _read(tmp_path)
    labels = read_dataset_labels(dataset)
    assert labels.count.labelled == 3
    assert all(len(labels_of_image.boxes) == 1 for labels_of_image in labels.by_url().values())


def test_labels_where_nobody_looks_are_unread_and_never_background(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "labels" / "val").rename(root / "annotated-by-bob")
    (root / "annotated-by-bob" / "strange.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    dataset = _read(root)
    labels = read_dataset_labels(dataset)
    assert (labels.count.labelled, labels.count.without, labels.count.unread) == (4, 0, 2)
    assert all("annotated-by-bob" in line and "labels/" in line for line in labels.problems.values())
    assert "1 label files belong to no image" in dataset.notes[0]
    assert "strange.txt" in dataset.notes[0]


def test_a_label_file_that_two_images_would_share_is_read_for_neither(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    make_image(root / "images" / "train" / "000.jpg")
    (root / "labels" / "val" / "000.txt").rename(root / "labels" / "000.txt")
    labels = read_dataset_labels(_read(root))
    assert labels.count.unread == 2
    assert all("several images" in line for line in labels.problems.values())


def test_a_list_of_classes_beside_the_images_describes_a_dataset(tmp_path: Path) -> None:
    make_image(tmp_path / "set" / "images" / "a.jpg")
    (tmp_path / "set" / "labels").mkdir()
    (tmp_path / "set" / "labels" / "a.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    (tmp_path / "set" / "classes.txt").write_text("hammer\nsaw\n")
    dataset = _read(tmp_path)
    assert (dataset.name, dataset.classes) == ("set", ("hammer", "saw"))
    assert [image.split for image in dataset.images] == ["unsplit"]
    assert read_dataset_labels(dataset).count.labelled == 1


def test_the_yolo_export_of_cvat_is_read(tmp_path: Path) -> None:
    make_image(tmp_path / "obj_train_data" / "cam 1" / "a.jpg")
    (tmp_path / "obj_train_data" / "cam 1" / "a.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    (tmp_path / "obj.names").write_text("hammer\nsaw\n")
    (tmp_path / "train.txt").write_text("data/obj_train_data/cam 1/a.jpg\n")
    (tmp_path / "obj.data").write_text(
        "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    )
    for source in (tmp_path, tmp_path / "obj.data"):
        (dataset,) = discover([str(source)]).datasets
        assert dataset.classes == ("hammer", "saw")
        assert _splits(dataset) == {"train": 1}
        assert read_dataset_labels(dataset).count.labelled == 1


def test_label_files_that_nothing_names_the_classes_of_are_told(tmp_path: Path) -> None:
    make_image(tmp_path / "a.jpg")
    make_image(tmp_path / "b.jpg")
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    (tmp_path / "b.txt").write_text("seen on Monday\n")
    discovery = discover([str(tmp_path)])
    assert [Path(url).name for url in discovery.unread] == ["a.jpg"]
    assert "classes.txt" in discovery.label_problems[0]


def test_real_datasets_read_whole() -> None:
    discovery = discover([str(shared_data())])
    assert {dataset.name: (len(dataset.images), len(dataset.classes)) for dataset in discovery.datasets} == {
        "bccd": (363, 3), "ppe4": (1021, 4), "tools17": (1021, 17),
    }  # fmt: skip
    assert not discovery.problems
