"""Label Studio's JSON: percents, turned rectangles, videos with switched-off keyframes, and several annotators."""

import json
from pathlib import Path
from typing import Any

import pytest

from raypp.geometry.boxes import Box
from raypp.media.annotations.labelstudio import LabelStudioReader
from raypp.media.dataset import read_dataset_labels
from raypp.media.discovery import discover
from tests.videos import make_image


def _region(name: str = "saw", rotation: float = 0, **place: float) -> dict[str, Any]:
    value = {"x": 25.0, "y": 20.0, "width": 50.0, "height": 50.0, "rotation": rotation, "rectanglelabels": [name]}
    return {"type": "rectanglelabels", "value": value | place, "original_width": 120, "original_height": 90}


def _task(image: str, *annotations: Any, key: str = "image") -> dict[str, Any]:
    done = [annotation if isinstance(annotation, dict) else {"result": annotation} for annotation in annotations]
    return {"id": 5, "data": {key: image}, "annotations": done}


def _discover(root: Path, *tasks: dict[str, Any]) -> Any:
    make_image(root / "a.jpg")
    (root / "project-1.json").write_text(json.dumps(tasks))
    return discover([str(root)])


@pytest.mark.parametrize("name", [
    "/data/upload/1/1a2b3c4d-a.jpg", "/data/local-files/?d=set/a.jpg", "s3://bucket/some%20where/a.jpg", "a.jpg",
    "http://host:8080/data/upload/1/a.jpg",
])  # fmt: skip
def test_the_ways_of_naming_an_image(name: str, tmp_path: Path) -> None:
    (dataset,) = _discover(tmp_path / "set", _task(name, [_region()])).datasets
    (labels,) = read_dataset_labels(dataset).by_url().values()
    assert labels.boxes == (Box(0, *(pytest.approx(number) for number in (0.5, 0.45, 0.5, 0.5))),)


def test_a_rectangle_is_turned_about_its_upper_left_corner_in_pixels(tmp_path: Path) -> None:
    region = _region(rotation=90, x=50.0, y=20.0, width=30.0, height=10.0)
    (dataset,) = _discover(tmp_path, _task("a.jpg", [region])).datasets
    ((box,),) = [labels.boxes for labels in read_dataset_labels(dataset).by_url().values()]
    # 36 x 9 pixels at (60, 18), turned clockwise by 90 degrees: 9 wide to the left, 36 down.
    assert box == Box(0, *(pytest.approx(number) for number in (55.5 / 120, 36 / 90, 9 / 120, 36 / 90)))


def test_the_minimal_export_is_read_too(tmp_path: Path) -> None:
    value = _region()["value"] | {"original_width": 120, "original_height": 90}
    (dataset,) = _discover(tmp_path, {"id": 5, "image": "/data/upload/1/a.jpg", "label": [value]}).datasets
    assert read_dataset_labels(dataset).count.labelled == 1


def test_tasks_that_nobody_annotated_are_no_images_of_nothing(tmp_path: Path) -> None:
    make_image(tmp_path / "b.jpg", seed=1)
    make_image(tmp_path / "c.jpg", seed=2)
    skipped = {"result": [], "was_cancelled": True}
    discovery = _discover(tmp_path, _task("a.jpg", []), _task("b.jpg"), _task("c.jpg", skipped))
    labels = read_dataset_labels(discovery.datasets[0])
    assert (labels.count.labelled, labels.count.without) == (1, 2), "looked at and empty; not looked at"
    assert "2 tasks without an annotation" in discovery.label_notes[0]


@pytest.mark.parametrize(("annotations", "named"), [
    (([_region()], [_region("hammer")]), "2 annotations that differ"),
    (([_region(rectanglelabels=["a", "b"])],), "exactly one"),
    (([_region(rectanglelabels=[])],), "exactly one"),
    (([_region(x="left")],), "no place in numbers"),
    (([_region(x=90.0)],), "outside the image"),
])  # fmt: skip
def test_a_task_that_cannot_be_read_costs_its_image_and_names_it(annotations: Any, named: str, tmp_path: Path) -> None:
    (dataset,) = _discover(tmp_path, _task("a.jpg", *annotations)).datasets
    (line,) = read_dataset_labels(dataset).problems.values()
    assert "project-1.json" in line
    assert named in line


def test_of_several_annotations_the_ground_truth_counts(tmp_path: Path) -> None:
    truth = {"result": [_region("hammer")], "ground_truth": True}
    (dataset,) = _discover(tmp_path, _task("a.jpg", [_region()], truth)).datasets
    assert dataset.classes == ("hammer",)
    assert read_dataset_labels(dataset).count.labelled == 1


def test_a_video_counts_from_one_and_keeps_the_frame_of_the_switch_off() -> None:
    def key(frame: int, x: float, *, enabled: bool = True) -> dict[str, Any]:
        return {
            "frame": frame,
            "enabled": enabled,
            "rotation": 0,
            "x": x,
            "y": 10,
            "width": 20,
            "height": 30,
            "time": 0,
        }

    sequence = [key(1, 0), key(11, 50, enabled=False), key(16, 20)]
    value = {"framesCount": 20, "duration": 0.8, "sequence": sequence, "labels": ["saw"]}
    document = [_task("/data/upload/video.mp4", [{"type": "videorectangle", "value": value}], key="video")]
    reader = LabelStudioReader()
    assert reader.recognises(document)
    (video,) = reader.read(document, "ls.json").videos
    assert (video.first, video.last, video.rate) == (0, 19, 25.0)
    assert [shape.edges for shape in video.shapes_at(4) or ()] == [(20.0, 10.0, 40.0, 40.0)]
    assert [frame for frame in range(25) if video.shapes_at(frame)] == [*range(11), *range(15, 20)]
    assert video.shapes_at(12) == ()
