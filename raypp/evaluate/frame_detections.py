"""Detections on one veiled frame."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, repr=False)
class FrameDetections:
    """Detections on one frame, the most confident first.

    Attributes:
        sample_id: the frame.
        boxes_P4: float32[P, 4], corners (x1, y1, x2, y2) in pixels of the letterboxed square.
        confidence_P: float32[P], in [0.01, 1].
        class_P: int64[P], index into the detector's classes.
        classes: names of the detector's classes.
    """

    sample_id: str
    boxes_P4: npt.NDArray[np.float32]
    confidence_P: npt.NDArray[np.float32]
    class_P: npt.NDArray[np.int64]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.confidence_P)

    def __repr__(self) -> str:
        pairs = zip(self.names, self.confidence_P, strict=True)
        listed = ", ".join(f"{name} {confidence:.2f}" for name, confidence in pairs)
        return f"<FrameDetections on {self.sample_id[:8]}: {listed or 'none'}>"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes of the detections, in their order."""
        return tuple(self.classes[number] for number in self.class_P)

    def best(self, most: int) -> "FrameDetections":
        """Return the most confident detections, at most so many."""
        return replace(
            self,
            boxes_P4=self.boxes_P4[:most],
            confidence_P=self.confidence_P[:most],
            class_P=self.class_P[:most],
        )
