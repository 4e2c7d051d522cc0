"""Scores are those of ultralytics' own validator, and know neither order nor repetition."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from raypp.detect.inputs.batch import DetectionBatch, labelled_batch
from raypp.detect.model import build_detector, load_public_weights
from raypp.detect.ultralytics import DetectionValidator
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.metrics import DetectionMatcher, score
from tests.data import shared_data

_PIXELS = 320
_CLASSES = tuple(f"class {number}" for number in range(80))


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    paths = sorted((shared_data("ppe4") / "images" / "val").iterdir())[:40]
    return {path.stem: np.asarray(Image.open(path).convert("RGB").resize((_PIXELS, _PIXELS))) for path in paths}


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    built = build_detector("yolov8n", _CLASSES, None)
    load_public_weights(built, shared_data("weights", "yolov8n.pt"))
    return built.eval()


@pytest.fixture(scope="module")
def labels(images: dict[str, np.ndarray], model: torch.nn.Module) -> dict[str, list[tuple[float, ...]]]:
    """Labels that the public model gets partly right: its own detections, moved, and some of them dropped."""
    chance = np.random.default_rng(0)
    matcher = DetectionMatcher(model, _PIXELS, torch.device("cpu"))
    rows_of_image: dict[str, list[tuple[float, ...]]] = {}
    for name, image in images.items():
        inputs = image.transpose(2, 0, 1)[None].astype(np.float32) / 255
        ((_, seen),) = matcher.predict(labelled_batch(inputs, [], (name,)))
        rows = []
        for box, confidence, kind in zip(seen.boxes_P4, seen.confidence_P, seen.predicted_P, strict=True):
            if confidence < 0.2 or chance.random() < 0.15:
                continue
            x1, y1, x2, y2 = np.clip(box / _PIXELS + chance.normal(0, 0.015, 4), 0, 1)
            if x2 > x1 and y2 > y1:
                rows.append((float(kind), (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1))
        rows_of_image[name] = rows
    return rows_of_image


def _batches(images: dict[str, np.ndarray], labels: dict[str, list[tuple[float, ...]]]) -> list[DetectionBatch]:
    names, out = list(images), []
    for start in range(0, len(names), 8):
        part = names[start : start + 8]
        inputs = np.stack([images[name] for name in part]).transpose(0, 3, 1, 2).astype(np.float32) / 255
        boxes = [(index, *row) for index, name in enumerate(part) for row in labels[name]]
        out.append(labelled_batch(inputs, boxes, tuple(part)))
    return out


@pytest.fixture(scope="module")
def matches(
    images: dict[str, np.ndarray], labels: dict[str, list[tuple[float, ...]]], model: torch.nn.Module
) -> list[SampleMatches]:
    return DetectionMatcher(model, _PIXELS, torch.device("cpu")).match(_batches(images, labels))


def test_scores_are_those_of_ultralytics_validator(
    images: dict[str, np.ndarray],
    labels: dict[str, list[tuple[float, ...]]],
    model: torch.nn.Module,
    matches: list[SampleMatches],
    tmp_path: Path,
) -> None:
    for name, image in images.items():
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "labels").mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "images" / f"{name}.png")
        lines = [f"{int(kind)} {x} {y} {w} {h}" for kind, x, y, w, h in labels[name]]
        (tmp_path / "labels" / f"{name}.txt").write_text("\n".join(lines))
    names = "\n".join(f"  {number}: {name}" for number, name in enumerate(_CLASSES))
    (tmp_path / "data.yaml").write_text(f"path: {tmp_path}\ntrain: images\nval: images\nnames:\n{names}\n")
    arguments = {
        "data": str(tmp_path / "data.yaml"), "imgsz": _PIXELS, "batch": 8, "device": "cpu", "workers": 0,
        "plots": False, "rect": False, "mode": "val", "task": "detect", "conf": 0.001,
    }  # fmt: skip
    theirs = DetectionValidator(save_dir=tmp_path / "val", args=arguments)(model=model)
    ours = score(matches, _CLASSES)
    assert 0.3 < ours.map50 < 0.99, "labels must be neither hopeless nor perfect"
    assert ours.samples == len(images)
    assert ours.map50 == pytest.approx(theirs["metrics/mAP50(B)"], abs=0.002)
    assert ours.map50_95 == pytest.approx(theirs["metrics/mAP50-95(B)"], abs=0.002)


def test_order_and_repetition_change_nothing(matches: list[SampleMatches]) -> None:
    chance = np.random.default_rng(1)
    shuffled = [matches[index] for index in chance.permutation(len(matches))]
    assert score([*shuffled, *shuffled[:7]], _CLASSES) == score(matches, _CLASSES)


def test_batching_changes_nothing(
    images: dict[str, np.ndarray], labels: dict[str, list[tuple[float, ...]]], model: torch.nn.Module
) -> None:
    names = list(images)[:6]
    drawn = {name: images[name] for name in names}
    alone = [batch for name in names for batch in _batches({name: images[name]}, labels)]
    matcher = DetectionMatcher(model, _PIXELS, torch.device("cpu"))
    together = score(matcher.match(_batches(drawn, labels)), _CLASSES)
    assert score(matcher.match(alone), _CLASSES).map50 == pytest.approx(together.map50, abs=1e-6)


def test_nothing_labelled_scores_zero() -> None:
    empty = np.zeros(0, dtype=np.float32)
    nothing = SampleMatches("a", np.zeros((0, 10), dtype=bool), empty, empty, empty)
    assert score([nothing], _CLASSES).map50 == 0
    unlabelled = SampleMatches(
        "b", np.zeros((1, 10), dtype=bool), empty + 0.5, empty, np.array([3.0], dtype=np.float32)
    )
    missed = SampleMatches("b", np.zeros((0, 10), dtype=bool), empty, empty, unlabelled.labelled_L)
    assert score([missed], _CLASSES).map50 == 0
