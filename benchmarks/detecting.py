"""One side of `benchmarks.detector`, in whichever tree it runs: CPU and wall milliseconds of a frame, on one CPU.

python -P benchmarks/detecting.py raypp BUNDLE CODES.npy ENGINE PRECISION
python -P benchmarks/detecting.py ultralytics MODEL IMAGE.npy
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

_WARM, _RUNS, _FRAMES = 5, 30, 4


def main() -> None:
    side, model, data, *choice = sys.argv[1:]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    detect = _raypp(model, np.load(data), *choice) if side == "raypp" else _ultralytics(model, np.load(data))
    for _ in range(_WARM):
        detect()
    cpu, wall = [], []
    for _ in range(_RUNS):
        began, began_cpu = time.perf_counter(), time.process_time()
        frames = detect()
        cpu.append((time.process_time() - began_cpu) / frames * 1e3)
        wall.append((time.perf_counter() - began) / frames * 1e3)
    print(json.dumps({"cpu": min(cpu), "wall": min(wall)}))


def _raypp(bundle: str, codes: np.ndarray, engine: str = "", precision: str = "auto") -> Callable[[], int]:
    """Return what the service's detector does with a turn of one gateway: four frames."""
    from raypp.serving.detector import BundleDetector
    from raypp.serving.model import FrameBlock
    from raypp.serving.settings import DetectionSettings

    options = {"engine": engine, "precision": precision} if engine else {}
    detector = BundleDetector.load(Path(bundle), DetectionSettings(threads=1, **options))
    size = detector.about.size
    block = FrameBlock(codes[:_FRAMES], 0, size, size)

    def detect() -> int:
        detector.detect([block])
        return _FRAMES

    return detect


def _ultralytics(model: str, image: np.ndarray) -> Callable[[], int]:
    """Return what a user of ultralytics does with one image."""
    from ultralytics import YOLO

    import raypp.detect.ultralytics  # noqa: F401 - no network, no settings in the home folder

    detector = YOLO(model, task="detect")

    def detect() -> int:
        detector.predict(image, imgsz=image.shape[0], conf=0.1, iou=0.45, verbose=False)
        return 1

    return detect


main()
