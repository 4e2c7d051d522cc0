"""`python -m benchmarks.counting DATASET --model counts.model ...`: how right counts are, veiled and plain.

The dataset is one of `raypp count sample`, or any in YOLO layout. The model is calibrated (`raypp count calibrate`) on
its val split; the test split is counted. `--plain` is a folder of `benchmarks.counting_plain`, whose detector is
calibrated on the same images. Without `--key`, `--plain` alone is measured, as for a dataset that nobody veiled.
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import numpy as np

from benchmarks.counting_plain import open_plain, plain_counter
from raypp.counting.accuracy import CountAccuracy, measure_counting
from raypp.counting.counter import ImageCount, ImageCounter
from raypp.counting.opening import CountSettings, open_counter
from raypp.counting.pixel_scale import PixelScale
from raypp.counting.truth import TrueDataset, read_truth
from raypp.demo.micrographs.dataset import ARTEFACTS_FILE
from raypp.geometry.boxes import box_iou, centre

_SAME_OBJECT = 0.3
_EDGES = "left", "top", "right", "bottom"


def main() -> None:
    """Print one line of JSON for each detector."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting", description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--plain", type=Path)
    parser.add_argument("--size", type=int, default=320, help="side of the plain detector's square")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    truth = read_truth(options.dataset, options.split)
    if options.model:
        counter = open_counter(CountSettings(options.model, options.key, options.spec, options.scale))
        _print("veiled", counter, truth, options.dataset)
    if options.plain:
        detector = open_plain(options.plain, truth.classes, options.size)
        counter = plain_counter(detector, read_truth(options.dataset, "val"), PixelScale.parse(options.scale))
        _print("plain", counter, truth, options.dataset)


def _print(name: str, counter: ImageCounter, truth: TrueDataset, root: str) -> None:
    began = process_time()
    accuracy, counts = measure_counting(counter, truth)
    seconds = process_time() - began
    calibration = counter.rules.calibration
    assert calibration is not None, "this counts by calibrated thresholds alone"
    row = {
        "arm": name,
        **_figures(accuracy),
        "artefacts": _artefact_share(Path(root, ARTEFACTS_FILE), truth, counts),
        "uncalibrated_size_bias": [each.sizes.bias if each.sizes else None for each in calibration.classes],
        "thresholds": list(counter.rules.thresholds),
        "images_a_minute_of_core": 60 * len(counts) / seconds,
    }
    print(json.dumps(row), flush=True)


def _figures(accuracy: CountAccuracy) -> dict[str, object]:
    every = {each.name: each.model_dump(exclude={"name"}) for each in (accuracy.all, *accuracy.classes)}
    return {**every, "cannot_tell": accuracy.cannot_tell, "members_error": accuracy.members_error}


def _artefact_share(path: Path, truth: TrueDataset, counts: Sequence[ImageCount]) -> float | None:
    """Return the share of counted boxes that lie on an artefact and on no labelled object."""
    if not path.exists():
        return None
    artefacts: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            artefacts[row["image"]].append(
                tuple(float(row[f"{edge}_px"]) for edge in ("left", "top", "right", "bottom"))
            )
    wrong = total = 0
    for image, count in zip(truth.images, counts, strict=True):
        labelled = np.array([each.edges for each in image.in_pixels(count.width, count.height)]).reshape(-1, 4)
        for each in count.objects:
            total += 1
            x, y = centre(each.edges)
            on_artefact = any(
                left <= x <= right and top <= y <= bottom for left, top, right, bottom in artefacts[image.path.stem]
            )
            wrong += on_artefact and not (box_iou(np.array([each.edges]), labelled) >= _SAME_OBJECT).any()
    return wrong / max(total, 1)


if __name__ == "__main__":
    main()
