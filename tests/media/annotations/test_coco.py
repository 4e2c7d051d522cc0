"""COCO JSON: boxes in pixels, categories of any ids, and what is left out is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from raypp.errors import MediaError
from raypp.geometry.boxes import Box
from raypp.media.dataset import Dataset, read_dataset_labels
from raypp.media.discovery import discover
from tests.videos import make_image


def _document(**changes: Any) -> dict[str, Any]:
    document = {
        "images": [
            {"id": 7, "file_name": "train/a.jpg", "width": 120, "height": 90},
            {"id": 9, "file_name": "train/b.jpg", "width": 120, "height": 90},
        ],
        "categories": [{"id": 44, "name": "saw"}, {"id": 3, "name": "hammer"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 44, "bbox": [30, 18, 60, 45], "segmentation": [[0, 0, 1, 1, 2, 2]]},
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [], "segmentation": [[12, 9, 36, 9, 24, 45]]},
            {"id": 3, "image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        ],
    }
    return document | changes


def _write(root: Path, document: dict[str, Any], name: str = "annotations/instances_train.json") -> Path:
    for image in ("a", "b"):
        make_image(root / "images" / "train" / f"{image}.jpg")
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(document))
    return root


def _read(root: Path) -> Dataset:
    (dataset,) = discover([str(root)]).datasets
    return dataset


def _boxes(dataset: Dataset) -> dict[str, tuple[Box, ...]]:
    return {Path(url).name: labels.boxes for url, labels in read_dataset_labels(dataset).by_url().items()}


def test_boxes_polygons_and_images_of_nothing(tmp_path: Path) -> None:
    root = _write(tmp_path / "set", _document())
    discovery = discover([str(root)])
    (dataset,) = discovery.datasets
    assert dataset.classes == ("hammer", "saw"), "by category id"
    assert (dataset.name, {image.split for image in dataset.images}) == ("set", {"train"})
    assert _boxes(dataset) == {
        "a.jpg": (
            Box(1, 0.5, pytest.approx(0.45), 0.5, pytest.approx(0.5)),
            Box(0, pytest.approx(0.2), pytest.approx(0.3), pytest.approx(0.2), pytest.approx(0.4)),
        ),
        "b.jpg": (),
    }
    assert "1 regions of many objects" in discovery.label_notes[0]


def test_an_export_of_roboflow_is_one_dataset_of_its_folders(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        make_image(tmp_path / "rf" / split / "a.jpg")
        images = [{"id": 0, "file_name": "a.jpg", "width": 120, "height": 90}]
        annotations = [{"id": 0, "image_id": 0, "category_id": 44, "bbox": [0, 0, 12, 9]}]
        document = _document(images=images, annotations=annotations)
        (tmp_path / "rf" / split / "_annotations.coco.json").write_text(json.dumps(document))
    dataset = _read(tmp_path / "rf")
    assert sorted(image.split for image in dataset.images) == ["train", "val"]
    assert read_dataset_labels(dataset).count.labelled == 2


def test_a_turned_box_of_cvat_becomes_its_hull(tmp_path: Path) -> None:
    box = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [30, 40, 60, 10], "attributes": {"rotation": 90.0}}
    boxes = _boxes(_read(_write(tmp_path, _document(annotations=[box]))))
    assert boxes["a.jpg"] == (
        Box(0, pytest.approx(0.5), pytest.approx(0.5), pytest.approx(10 / 120), pytest.approx(60 / 90)),
    )


@pytest.mark.parametrize(("changes", "named"), [
    ({"categories": []}, "category 44"),
    ({"images": [{"id": 7, "file_name": "a.jpg"}]}, "no width and height"),
    ({"annotations": [{"id": 5, "image_id": 7, "category_id": 3}]}, "annotation 5 has no box"),
    ({"annotations": [{"id": 5, "image_id": 7, "category_id": 3, "bbox": [100, 0, 60, 9]}]}, "outside the image"),
    ({"annotations": [{"id": 5, "image_id": 7, "category_id": 3, "bbox": [1, 2, "x", 4]}]}, "annotation 5 has no box"),
])  # fmt: skip
def test_a_wrong_label_costs_its_image_and_names_it(changes: dict[str, Any], named: str, tmp_path: Path) -> None:
    labels = read_dataset_labels(_read(_write(tmp_path, _document(**changes))))
    assert labels.count.unread == 1
    (line,) = labels.problems.values()
    assert "instances_train.json" in line
    assert named in line


@pytest.mark.parametrize(("changes", "named"), [
    ({"annotations": [{"id": 5, "image_id": 8, "category_id": 3, "bbox": [1, 2, 3, 4]}]}, "annotation 5 is of no"),
    ({"images": [{"id": 7, "file_name": "a.jpg"}] * 2}, "two images have one id"),
    ({"categories": None}, "without annotations or categories"),
])  # fmt: skip
def test_a_document_that_contradicts_itself_is_named(changes: dict[str, Any], named: str, tmp_path: Path) -> None:
    discovery = discover([str(_write(tmp_path, _document(**changes)))])
    assert named in discovery.label_problems[0]
    assert len(discovery.unread) == 2, "images beside labels that cannot be read are no images of nothing"


def test_half_a_document_is_named(tmp_path: Path) -> None:
    root = _write(tmp_path, _document())
    path = root / "annotations" / "instances_train.json"
    path.write_text(path.read_text()[:-40])
    discovery = discover([str(root)])
    assert "is no JSON" in discovery.label_problems[0]
    assert len(discovery.unread) == 2


def test_images_that_are_not_there_are_counted(tmp_path: Path) -> None:
    root = _write(tmp_path, _document())
    (root / "images" / "train" / "b.jpg").unlink()
    discovery = discover([str(root)])
    assert "labels 1 images that are not there: train/b.jpg" in discovery.label_problems[0]


def test_label_files_go_before_a_document_of_the_same_images(tmp_path: Path) -> None:
    root = _write(tmp_path, _document())
    (root / "data.yaml").write_text("train: images/train\nnames: [hammer, saw]\n")
    for name in ("a", "b"):
        (root / "images" / "train" / f"{name}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    discovery = discover([str(root)])
    assert len(discovery.datasets) == 1
    assert {len(labels.boxes) for labels in read_dataset_labels(discovery.datasets[0]).by_url().values()} == {1}
    assert "labels 2 images that label files labels, too" in " ".join(discovery.label_notes)


def test_an_image_that_is_labelled_twice_and_differently_is_unread(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": "train/a.jpg", "width": 120, "height": 90} for number in (7, 9)]
    labels = read_dataset_labels(_read(_write(tmp_path, _document(images=images))))
    assert (labels.count.labelled, labels.count.without, labels.count.unread) == (0, 1, 1)
    assert "twice, and differently" in next(iter(labels.problems.values()))


def test_a_document_named_as_the_source_leads_to_its_images(tmp_path: Path) -> None:
    root = _write(tmp_path / "set", _document())
    make_image(tmp_path / "loose.jpg")
    discovery = discover([str(root / "annotations" / "instances_train.json")])
    assert read_dataset_labels(discovery.datasets[0]).count.labelled == 2
    assert not discovery.files


def test_a_document_that_labels_nothing_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(MediaError, match=r"settings\.json: it describes no dataset"):
        discover([str(tmp_path / "settings.json")])
