"""Detections beside labels on one sample, with their places: errors are classified on them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.geometry.boxes import box_iou

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SampleDetections:
    """Detections and labels of one sample.

    Attributes:
        sample_id: the sample.
        boxes_P4: float32[P, 4], corners (x1, y1, x2, y2) of detections, in pixels of the letterboxed square.
        confidence_P: float32[P].
        predicted_P: int64[P], class of each detection.
        label_boxes_L4: float32[L, 4], corners of labelled boxes.
        labelled_L: int64[L], class of each labelled box.
    """

    sample_id: str
    boxes_P4: FloatArray
    confidence_P: FloatArray
    predicted_P: npt.NDArray[np.int64]
    label_boxes_L4: FloatArray
    labelled_L: npt.NDArray[np.int64]

    def above(self, confidence: float) -> "SampleDetections":
        """Return the same with only the detections of at least this confidence, the most confident first."""
        order = np.argsort(-self.confidence_P, kind="stable")
        kept = order[self.confidence_P[order] >= confidence]
        return SampleDetections(
            sample_id=self.sample_id,
            boxes_P4=self.boxes_P4[kept],
            confidence_P=self.confidence_P[kept],
            predicted_P=self.predicted_P[kept],
            label_boxes_L4=self.label_boxes_L4,
            labelled_L=self.labelled_L,
        )

    def overlaps(self) -> npt.NDArray[np.float64]:
        """Return the intersection over union of each detection with each label, float64[P, L]."""
        return box_iou(self.boxes_P4, self.label_boxes_L4)


def fractions(box_4: FloatArray, pixels: int) -> tuple[float, float, float, float]:
    """Return a box given by corners as labels have it: centre, width, height, as fractions of the square's side."""
    x1, y1, x2, y2 = (float(edge) / pixels for edge in box_4)
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
