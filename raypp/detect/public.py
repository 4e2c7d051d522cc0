"""A public detector whole, as it was published: what anybody would run on an image."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from raypp.detect.model import head_of, read_checkpoint
from raypp.detect.ultralytics import Detect, DetectionModel, non_max_suppression
from raypp.detect.warm_start_header import is_warm_start

_NMS_IOU = 0.7
_MOST = 300


@dataclass(frozen=True)
class Sightings:
    """Detections on one image, by falling confidence.

    Attributes:
        boxes_P4: float32[P, 4], corners (x1, y1, x2, y2), in pixels.
        classes_P: int64[P].
        confidence_P: float32[P].
    """

    boxes_P4: npt.NDArray[np.float32]
    classes_P: npt.NDArray[np.int64]
    confidence_P: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes_P4)


NO_SIGHTINGS = Sightings(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))


@dataclass(frozen=True)
class PublicDetector:
    """A detector on plain images.

    Attributes:
        model: with its own classes, in evaluation mode.
    """

    model: DetectionModel

    @torch.inference_mode()
    def find(self, frame_HW3: npt.NDArray[np.uint8], sure: float) -> Sightings:
        """Detect on an image.

        Args:
            frame_HW3: uint8, RGB; sides multiples of 32.
            sure: least confidence.
        """
        pixels = torch.from_numpy(frame_HW3.copy()).permute(2, 0, 1)[None].float() / 255
        kept = non_max_suppression(
            self.model(pixels), sure, _NMS_IOU, max_det=_MOST, max_time_img=math.inf, end2end=self.model.end2end
        )
        table = kept[0].numpy()
        return Sightings(table[:, :4], table[:, 5].astype(np.int64), table[:, 4])


def open_public(path: Path) -> PublicDetector | None:
    """Read an ultralytics checkpoint (.pt); None if its network does something else than detect, or it is a warm start.

    Raises:
        ModelError: if the file is no checkpoint.
    """
    if is_warm_start(path):
        return None
    model = read_checkpoint(path)
    if not isinstance(model, DetectionModel) or type(head_of(model)) is not Detect:
        return None
    # Normalisations go into convolutions: it is read for nothing but this, and takes three quarters of the time.
    return PublicDetector(model.eval().fuse(verbose=False).to(memory_format=torch.channels_last))
