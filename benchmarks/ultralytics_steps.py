"""`python ultralytics_steps.py IMAGES FOLDER`: what a frame of ultralytics' own training on plain images costs.

Prints CPU milliseconds a frame, as JSON: of the trainer's median step, and of what its loaders' processes took.
"""

import json
import resource
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from raypp.compare.arm import Arm, ComparisonSchedule
from raypp.compare.arm_kind import ArmKind
from raypp.compare.images import read_images
from raypp.compare.ultralytics import lay_out, train_by_ultralytics
from raypp.train.steps import TrainingStep

_EPOCHS, _BATCH, _SIZE = 3, 16, 320


def main(source: str, folder: Path) -> None:
    images = read_images(source)
    schedule = ComparisonSchedule(size=_SIZE, epochs=_EPOCHS, batch=_BATCH, nominal_batch=_BATCH)
    ends: dict[int, list[float]] = {}

    def on_step(step: TrainingStep) -> None:
        ends.setdefault(step.epoch, []).append(time.process_time())

    train_by_ultralytics(
        Arm(name="library", kind=ArmKind.ULTRALYTICS, seed=0), schedule, lay_out(images, folder), folder, on_step
    )
    step_s = median(after - before for epoch in ends.values() for before, after in pairwise(epoch))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    frames = _EPOCHS * len(images.splits["train"])
    loading_s = (children.ru_utime + children.ru_stime) / frames
    print(json.dumps({"cpu": 1e3 * (step_s / _BATCH + loading_s)}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
