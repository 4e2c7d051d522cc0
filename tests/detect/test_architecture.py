"""Which names of architectures are accepted, and that nothing but the installed package says what they are."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from raypp.detect.architecture import describe_architecture
from raypp.detect.model import build_detector
from raypp.errors import ModelError

_KNOWN = [
    "yolov5nu", "yolov5m", "yolov8n", "yolov8s", "yolov8m", "yolov8l", "yolov8x", "yolov9t", "yolov9c", "yolov9e",
    "yolov10n", "yolov10b", "yolo11n", "yolo11x", "yolo12s", "yolo26n", "yolo26x",
]  # fmt: skip


def _as_ultralytics_reads(name: str) -> dict[str, Any]:
    from ultralytics.nn.tasks import yaml_model_load  # not before raypp's own door to it

    return dict(yaml_model_load(f"{name}.yaml"))


@pytest.mark.parametrize("name", _KNOWN)
def test_a_description_is_what_ultralytics_itself_reads(name: str) -> None:
    theirs = _as_ultralytics_reads(name)
    theirs["scale"] = theirs["scale"] or next(iter(theirs.get("scales", "")), "")  # of one scale, it does not tell
    assert describe_architecture(name) == theirs


def test_pico_is_the_smallest_scale_at_half_its_width() -> None:
    smallest, pico = describe_architecture("yolov8n"), describe_architecture("yolov8p")
    assert pico["scales"]["p"] == [0.33, 0.125, 1024]
    assert pico["scale"] == "p"
    assert pico["backbone"] == smallest["backbone"]


@pytest.mark.parametrize("name", ["yolov8p", "yolov8n", "yolov9t"])
def test_a_description_in_the_working_folder_is_not_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build_detector(name, ("hammer",), None).yaml
    other = _as_ultralytics_reads("yolov8n") | {"nc": 7, "scales": {"n": [1.0, 1.0, 64]}}
    for file in ("yolov8.yaml", "yolov8n.yaml", "yolov8p.yaml", "yolov9.yaml", "yolov9t.yaml"):
        (tmp_path / file).write_text(yaml.safe_dump(other))
    monkeypatch.chdir(tmp_path)
    assert build_detector(name, ("hammer",), None).yaml == before


@pytest.mark.parametrize(
    "name",
    [
        "delivered/yolov8n", "../yolov8n", "/tmp/yolov8n", "yolov8n.yaml", "yolov8.n", "yolov8n\n", "yolov8-segn",
        "yolov8n-seg", "yolov8", "yolov8z", "yolov9n", "yolov9p", "yolov٨n", "YOLOV8N", "http://x/yolov8n", "",
        "resnet",
    ],
)  # fmt: skip
def test_any_other_name_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ModelError, match="is unknown; give one such as") as refused:
        build_detector(name, ("hammer",), None)
    assert "\n" not in str(refused.value)


def test_a_description_with_a_field_that_would_be_run_is_refused() -> None:
    with pytest.raises(ModelError, match="activation"):
        build_detector("yolov6n", ("hammer",), None)
