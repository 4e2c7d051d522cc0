"""A detector on plain frames, for tests alone: public COCO weights, through the library's own prediction."""

from collections.abc import Iterator
from pathlib import Path

import av

from raypp.usage.observation import Detection, Observation, SeenFrame


def detect_plain(video: Path, weights: Path, fps: float) -> tuple[tuple[str, ...], list[SeenFrame]]:
    """Detect on frames of a video, at most `fps` a second; gives the classes and what was seen at media time."""
    from ultralytics import YOLO

    from raypp.detect import ultralytics as library  # settles the library's settings: no analytics, no network  # noqa: F401

    model = YOLO(str(weights))
    classes = tuple(model.names[number] for number in range(len(model.names)))
    return classes, list(_seen(model, video, fps))


def _seen(model: object, video: Path, fps: float) -> Iterator[SeenFrame]:
    due = 0.0
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if frame.time + 1e-6 < due:
                continue
            due = max(due + 1 / fps, frame.time - 1 / fps)
            (result,) = model(frame.to_ndarray(format="bgr24"), verbose=False, conf=0.1)  # type: ignore[operator]
            boxes = result.boxes
            rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxyn.tolist(), strict=True)
            detections = tuple(Detection(int(class_id), confidence, *corners) for class_id, confidence, corners in rows)
            yield SeenFrame(index, round(frame.time * 1e6), Observation.OBSERVED, detections)
