"""`python -m benchmarks.counting_plain DATASET OUT --weights FILE`: a plain detector that counts, to compare with.

It is trained by the plain arm of `raypp compare`, so by the same loop as a veiled one, on the same images and for as
many epochs. Run again, it goes on where it was stopped. Whoever counts with it counts by the same code, but that the
image goes to it as it is.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from raypp.compare.arm import Arm, ComparisonSchedule
from raypp.compare.arm_kind import ArmKind
from raypp.compare.images import read_images
from raypp.compare.running import ArmInputs, run_arm
from raypp.counting.calibrate import calibrate_counting
from raypp.counting.counted_object import DetectedBox
from raypp.counting.counter import CountRules, ImageCounter
from raypp.counting.pixel_scale import PixelScale
from raypp.counting.plain_image import PlainImage
from raypp.counting.tile_detector import COUNT_SETTINGS, padded
from raypp.counting.tiles import ImageTile, join_tiles
from raypp.counting.truth import TrueDataset
from raypp.detect.model import build_detector, load_trained_weights
from raypp.detect.training_state import read_state
from raypp.detect.ultralytics import DetectionModel, non_max_suppression
from raypp.geometry.letterbox import Letterbox
from raypp.media.frame import PADDING
from raypp.media.image import window_pixels

_PATCH = 8


@dataclass(frozen=True)
class PlainDetector:
    """Detects on images as they are.

    Attributes:
        model: the detector, in evaluation mode.
        size: side of its square, in pixels.
    """

    model: DetectionModel
    size: int

    def detect(self, image: PlainImage, tiles: Sequence[ImageTile], least_px: int = 0) -> list[DetectedBox]:
        """Detect tile by tile, as `TileDetector` does."""
        return join_tiles((tile, self._tile(image, tile, least_px)) for tile in tiles)

    @torch.inference_mode()
    def _tile(self, image: PlainImage, tile: ImageTile, least_px: int) -> list[DetectedBox]:
        part = padded(image.pixels_HW3[tile.top : tile.bottom, tile.left : tile.right], least_px)
        box = Letterbox(self.size, _PATCH, part.shape[1], part.shape[0])
        square = np.full((self.size, self.size, 3), PADDING, dtype=np.uint8)
        window = window_pixels(np.ascontiguousarray(part), box)
        square[box.offset_y : box.offset_y + len(window), box.offset_x : box.offset_x + window.shape[1]] = window
        inputs = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
        settings = COUNT_SETTINGS
        (rows,) = non_max_suppression(
            self.model(inputs),
            settings.confidence,
            settings.iou,
            max_det=settings.most,
            max_time_img=math.inf,
            end2end=self.model.end2end,
        )
        corners = box.to_source(rows[:, :4].numpy()) + np.array([tile.left, tile.top] * 2)
        limits = np.array([image.width, image.height] * 2)
        return [
            DetectedBox(int(row[5]), float(row[4]), tuple(edges))
            for row, edges in zip(rows.tolist(), corners.clip(0, limits).tolist(), strict=True)
        ]


def train_plain(data: str, out: Path, weights: Path, size: int, epochs: int) -> PlainDetector:
    """Train a plain detector, or go on; a finished one is opened."""
    images = read_images(data)
    out.mkdir(parents=True, exist_ok=True)
    schedule = ComparisonSchedule(weights=weights, size=size, epochs=epochs, batch=16, nominal_batch=16, amp=True)
    arm = Arm(name="plain", kind=ArmKind.PLAIN, seed=0)
    inputs = ArmInputs(schedule, images, out, None, None, 0, "benchmarks.counting_plain")
    row, _ = run_arm(arm, inputs, "plain", lambda epoch, of, words: print(f"epoch {epoch}/{of} {words}", flush=True))
    print(f"plain: mAP50 {row.map50:.3f}", flush=True)
    return open_plain(out, images.classes, size)


def open_plain(out: Path, classes: tuple[str, ...], size: int) -> PlainDetector:
    """Open the detector of the last whole epoch, with averaged weights."""
    model = build_detector("yolov8n", classes, None)
    load_trained_weights(model, read_state(out).ema)
    return PlainDetector(model.eval(), size)


def plain_counter(detector: PlainDetector, val: TrueDataset, scale: PixelScale) -> ImageCounter:
    """Calibrate a plain detector as a veiled one is."""
    rules = CountRules(val.classes, (0.0,) * len(val.classes))
    counter = ImageCounter(detector, rules, scale)  # type: ignore[arg-type]
    calibration = calibrate_counting(counter, val)
    thresholds = tuple(each.threshold for each in calibration.classes)
    return replace(counter, rules=CountRules(val.classes, thresholds, calibration))


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting_plain", description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    train_plain(options.dataset, options.out, options.weights, options.size, options.epochs)


if __name__ == "__main__":
    main()
