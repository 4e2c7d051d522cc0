"""Counting detections: classes, sizes, confidence, places, how many a frame, and when in the day."""

import numpy as np
import numpy.typing as npt

from raypp.drift.profile import Profile, Subject, shares
from raypp.usage.observation import Detection, SeenFrame

HOURS = 24
HOUR_RATES = "hours"
_SIZE_BINS = np.linspace(-12, 0, 13)
"""Edges of areas, as powers of two of the frame's."""
_CONFIDENCE_BINS = np.linspace(0, 1, 11)
_MOST_COUNTED = 15
_PLACES = 6


class DetectionCounter:
    """Counts the detections of one subject in one period.

    Args:
        subject: whose.
        period: which.
        classes: of the detector, by class_id.
        least_confidence: detections below are left out.
    """

    def __init__(self, subject: Subject, period: str, classes: tuple[str, ...], least_confidence: float) -> None:
        self._subject, self._period, self._classes = subject, period, classes
        self._least = least_confidence
        self._frames = 0
        self._per_frame = np.zeros(_MOST_COUNTED + 1, np.int64)
        self._hours = np.zeros((2, HOURS), np.int64)
        self._kept: list[Detection] = []

    def add(self, frame: SeenFrame, hour: int) -> None:
        """Count an observed frame.

        Args:
            frame: the frame.
            hour: of the day at the site, 0 to 23.
        """
        kept = [detection for detection in frame.detections if detection.confidence >= self._least]
        self._frames += 1
        self._per_frame[min(len(kept), _MOST_COUNTED)] += 1
        self._hours[:, hour] += (len(kept), 1)
        self._kept += kept

    def profile(self) -> Profile:
        """Return what was counted.

        Tables: `classes`, `sizes`, `confidence`, `places`, `per_frame`; `hours` has the detections a frame of each
        hour of the day, and none where no frame was.
        """
        classes = np.array([detection.class_id for detection in self._kept], np.int64)
        confidence = np.array([detection.confidence for detection in self._kept])
        corners = np.array([(box.x1, box.y1, box.x2, box.y2) for box in self._kept]).reshape(-1, 4)
        area = np.prod(np.clip(corners[:, 2:] - corners[:, :2], 2**-6.5, 1), axis=1)
        middle = (corners[:, :2] + corners[:, 2:]) / 2
        places, _, _ = np.histogram2d(middle[:, 1], middle[:, 0], _PLACES, ((0, 1), (0, 1)))
        detections_24, frames_24 = self._hours
        counts: dict[str, npt.NDArray[np.generic]] = {
            "classes": np.bincount(classes, minlength=len(self._classes))[: len(self._classes)],
            "sizes": np.histogram(np.clip(np.log2(area), -12, 0), _SIZE_BINS)[0],
            "confidence": np.histogram(confidence, _CONFIDENCE_BINS)[0],
            "places": places.reshape(-1),
        }
        tables = {name: shares(table) for name, table in counts.items()}
        tables["per_frame"] = shares(self._per_frame)
        # Each hour is a row of its own: its rate beside a constant, so that an hour without a frame is an empty row.
        rates = detections_24 / np.maximum(frames_24, 1)
        tables[HOUR_RATES] = np.stack([rates, np.ones(HOURS)], axis=1) * (frames_24 > 0)[:, None]
        counted = {name: len(self._kept) for name in tables}
        return Profile(
            self._subject, self._period, self._frames, tables, {**counted, "per_frame": self._frames}, self._classes
        )
