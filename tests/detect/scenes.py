"""Labelled samples with detections of a good detector, made by chance: what is right and wrong about them is known."""

from collections.abc import Sequence

import numpy as np

from raypp.evaluate.detections import SampleDetections
from raypp.geometry.boxes import box_iou

PIXELS = 640
CLASSES = ("hammer", "saw", "drill", "pliers")


def sample(
    name: str,
    detections: Sequence[tuple[float, float, float, float, float, int]],
    labels: Sequence[tuple[float, float, float, float, int]],
) -> SampleDetections:
    """A sample of detections (x1, y1, x2, y2, confidence, class) and labels (x1, y1, x2, y2, class)."""
    rows = np.array(detections, dtype=np.float32).reshape(-1, 6)
    labelled = np.array(labels, dtype=np.float32).reshape(-1, 5)
    return SampleDetections(
        sample_id=name,
        boxes_P4=rows[:, :4],
        confidence_P=rows[:, 4],
        predicted_P=rows[:, 5].astype(np.int64),
        label_boxes_L4=labelled[:, :4],
        labelled_L=labelled[:, 4].astype(np.int64),
    )


def scene(number: int, objects: int = 5) -> SampleDetections:
    """A sample with right labels, most of them found a little off, some missed or confused, and unsure alarms."""
    chance = np.random.default_rng(number)
    labels: list[tuple[float, ...]] = []
    while len(labels) < objects:
        side = chance.uniform(40, 160, 2)
        corner = chance.uniform(0, PIXELS - side)
        box = np.concatenate([corner, corner + side]).astype(np.float32)
        if not labels or box_iou(box[None], np.array(labels, dtype=np.float32)[:, :4]).max() < 0.3:
            labels.append((*box.tolist(), int(chance.integers(len(CLASSES)))))
    detections: list[tuple[float, ...]] = []
    for x1, y1, x2, y2, kind in labels:
        if chance.random() < 0.08:
            continue
        edges = np.array([x1, y1, x2, y2]) + chance.normal(0, 0.04, 4) * np.array([x2 - x1, y2 - y1] * 2)
        confused = chance.random() < 0.02
        confidence = chance.uniform(0.3, 0.7) if confused else chance.uniform(0.55, 0.98)
        detections.append((*edges.tolist(), float(confidence), (kind + confused) % len(CLASSES)))
    for _ in range(chance.integers(0, 3)):
        side = chance.uniform(30, 120, 2)
        corner = chance.uniform(0, PIXELS - side)
        edges = np.concatenate([corner, corner + side])
        confidence = float(min(chance.exponential(0.15), 0.6))
        detections.append((*edges.tolist(), confidence, int(chance.integers(len(CLASSES)))))
    return sample(f"{number:032x}", detections, labels)  # type: ignore[arg-type]
