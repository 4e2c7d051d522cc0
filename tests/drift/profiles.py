"""Profiles of made-up cameras: codes drawn cell by cell, whose chances a day shifts a little."""

import numpy as np

from raypp.drift.code_counts import CodeCounter
from raypp.drift.detection_counts import DetectionCounter
from raypp.drift.profile import Profile, ProfileKind, Subject
from raypp.usage.observation import Detection, Observation, SeenFrame

ROWS, COLUMNS, CHANNELS, BITS = 6, 8, 4, 2
CLASSES = ("drill", "saw")


def codes_of_day(
    camera: int, day: int, *, frames: int = 20, moved: bool = False, block: int | None = None
) -> np.ndarray:
    """uint8[frames, C, rows, columns] of a camera's day; `moved`: the whole frame is another, `block`: one cell."""
    stays = np.random.default_rng([camera, 99 if moved else 0])
    today = np.random.default_rng([camera, day, 1])
    usual = stays.integers(0, 1 << BITS, (CHANNELS, ROWS, COLUMNS))
    if block is not None:
        usual[:, block // COLUMNS, block % COLUMNS] = (usual[:, block // COLUMNS, block % COLUMNS] + 2) % 4
    noisy = today.random((frames, CHANNELS, ROWS, COLUMNS)) < today.uniform(0.2, 0.3)
    noise = today.integers(0, 1 << BITS, noisy.shape)
    return np.where(noisy, noise, usual).astype(np.uint8)


def code_profile(camera: int, day: int, codes: np.ndarray) -> Profile:
    subject = Subject("plant", f"camera-{camera}", ProfileKind.CODES, "0", ROWS, COLUMNS)
    counter = CodeCounter(subject, f"day-{day}", BITS)
    for frame in codes:
        counter.add(frame)
    return counter.profile(CHANNELS)


def detection_profile(
    camera: int, day: int, *, saws: float = 0.3, side: float = 0.2, confidence: float = 0.8, frames: int = 200
) -> Profile:
    subject = Subject("plant", f"camera-{camera}", ProfileKind.DETECTIONS, "a" * 64)
    counter = DetectionCounter(subject, f"day-{day}", CLASSES, 0.25)
    today = np.random.default_rng([camera, day, 2])
    for index in range(frames):
        hour = index * 24 // frames
        detections = []
        for _ in range(today.poisson(1.5)):
            x, y = today.uniform(0, 0.7, 2)
            width = side * today.uniform(0.8, 1.25)
            kind = int(today.random() < saws)
            sure = float(min(1, today.normal(confidence, 0.05)))
            detections.append(Detection(kind, sure, x, y, x + width, y + width))
        counter.add(SeenFrame(index, index, Observation.OBSERVED, tuple(detections)), hour)
    return counter.profile()
