"""Errors of a detector, classified without images: the type of each after TIDE.

TIDE: Bolya, Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from raypp.evaluate.detections import FloatArray, SampleDetections
from raypp.geometry.boxes import areas
from raypp.media.drawing import MarkOutcome, OutcomeBox

FOUND_IOU = 0.5
"""Overlap from which a detection has found a label (TIDE's foreground threshold)."""
BACKGROUND_IOU = 0.1
"""Overlap up to which a detection has nothing to do with a label (TIDE's background threshold)."""
_SMALL_AREA, _MEDIUM_AREA = 32**2, 96**2  # square pixels, as COCO has them


class ErrorType(StrEnum):
    """Type of an error; all but `MISSED` are detections too many, `MISSED` is a label without a detection."""

    CLASS = "class"
    """On a label, but of another class."""
    LOCALISATION = "localisation"
    """Of a label's class and touching it, but badly placed."""
    CLASS_AND_LOCALISATION = "class+localisation"
    """Touching a label of another class, and badly placed."""
    DUPLICATE = "duplicate"
    """On a label that a more confident detection has found already."""
    BACKGROUND = "background"
    """On nothing that is labelled."""
    MISSED = "missed"
    """Neither found, nor found badly or as another class."""


class BoxSize(StrEnum):
    """Size of a box by its area in pixels of the letterboxed square, at COCO's limits of 32 x 32 and 96 x 96."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"

    @classmethod
    def of(cls, box_4: FloatArray) -> "BoxSize":
        """Return the size of a box given by corners."""
        area = float(areas(box_4))
        return cls.SMALL if area < _SMALL_AREA else cls.MEDIUM if area < _MEDIUM_AREA else cls.LARGE


@dataclass(frozen=True)
class ErrorRecord:
    """One wrong detection, or one missed label.

    Attributes:
        sample_id: the sample it is on.
        kind: what went wrong.
        labelled: class of the label concerned; None where there is none.
        predicted: class of the detection; None for a missed label.
        confidence: of the detection; None for a missed label.
        iou: overlap of detection and label concerned; for a missed label, with any detection.
        box_4: corners of the detection, or of the missed label, in pixels of the square.
    """

    sample_id: str
    kind: ErrorType
    labelled: int | None
    predicted: int | None
    confidence: float | None
    iou: float
    box_4: FloatArray

    def in_words(self, classes: Sequence[str]) -> str:
        """Such as `hammer missed`, `saw for wrench` or `saw on nothing`."""
        labelled = None if self.labelled is None else classes[self.labelled]
        if self.predicted is None:
            return f"{labelled} missed"
        predicted = classes[self.predicted]
        match self.kind:
            case ErrorType.BACKGROUND:
                return f"{predicted} on nothing"
            case ErrorType.CLASS | ErrorType.CLASS_AND_LOCALISATION:
                return f"{predicted} for {labelled}"
            case ErrorType.DUPLICATE:
                return f"{predicted} twice"
            case _:
                return f"{predicted} out of place"

    @property
    def class_id(self) -> int:
        """The class that the error is counted for: the label's where there is one, else the detection's."""
        return next(number for number in (self.labelled, self.predicted) if number is not None)


@dataclass(frozen=True)
class SampleVerdict:
    """Right detections and errors of one sample.

    Attributes:
        assigned: pairs (class, class) of label and detection where a detection was the first on a label: right ones,
            and those of another class.
        errors: all errors, detections by falling confidence, then missed labels.
        right_R4: float32[R, 4], corners of right detections, in pixels of the square.
    """

    assigned: tuple[tuple[int, int], ...]
    errors: tuple[ErrorRecord, ...]
    right_R4: FloatArray

    def outcomes(self, pixels: int) -> list[OutcomeBox]:
        """Return what was found, missed and is wrong, as boxes to be drawn; `pixels` is the side of the square."""
        wrong = {True: MarkOutcome.MISSED, False: MarkOutcome.WRONG}
        boxes = [(MarkOutcome.FOUND, box) for box in self.right_R4]
        boxes += [(wrong[error.kind is ErrorType.MISSED], error.box_4) for error in self.errors]
        return [OutcomeBox(outcome, _within(box / pixels)) for outcome, box in boxes]


def classify_errors(sample: SampleDetections, confidence: float) -> SampleVerdict:
    """Tell right detections from errors, and each error's kind, on one sample.

    Detections below the confidence are left out. The others are given to labels of their class by falling confidence,
    each to the label that it overlaps most (from `FOUND_IOU`) of those not yet found, as COCO does; what is left over
    are errors. A missed label that an error of type class or localisation stands for is not counted again (TIDE).
    """
    seen = sample.above(confidence)
    iou_PL = seen.overlaps()
    same_PL = seen.predicted_P[:, None] == seen.labelled_L[None]
    found_by = _assign(iou_PL, same_PL)
    taken = set(found_by.values())
    pairs = [(int(seen.labelled_L[label]), int(seen.predicted_P[number])) for number, label in found_by.items()]
    errors = []
    excused: set[int] = set()
    for number in range(len(seen.confidence_P)):
        if number in found_by:
            continue
        kind, label = _kind(iou_PL[number], same_PL[number])
        predicted = int(seen.predicted_P[number])
        if kind is ErrorType.CLASS and label is not None and label not in taken | excused:
            pairs.append((int(seen.labelled_L[label]), predicted))
        if kind in (ErrorType.CLASS, ErrorType.LOCALISATION) and label is not None:
            excused.add(label)
        errors.append(
            ErrorRecord(
                sample_id=seen.sample_id,
                kind=kind,
                labelled=None if label is None else int(seen.labelled_L[label]),
                predicted=predicted,
                confidence=float(seen.confidence_P[number]),
                iou=_best(iou_PL[number]) if label is None else float(iou_PL[number, label]),
                box_4=seen.boxes_P4[number],
            )
        )
    missed = [label for label in range(len(seen.labelled_L)) if label not in taken | excused]
    for label in missed:
        box, number = seen.label_boxes_L4[label], int(seen.labelled_L[label])
        errors.append(ErrorRecord(seen.sample_id, ErrorType.MISSED, number, None, None, _best(iou_PL[:, label]), box))
    return SampleVerdict(tuple(pairs), tuple(errors), seen.boxes_P4[sorted(found_by)])


def confusion(
    verdicts: Sequence[SampleVerdict], samples: Iterable[SampleDetections], confidence: float, classes: int
) -> npt.NDArray[np.int64]:
    """Count detections by their class and the class of the label that they are on.

    Returns:
        int64[classes + 1, classes + 1]: rows are predicted, columns labelled classes; the last of each is background,
        so the last row counts labels that were found by nothing, the last column detections on no label of their own.
    """
    counts = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    for verdict, sample in zip(verdicts, samples, strict=True):
        left, over = np.zeros(classes, dtype=np.int64), np.zeros(classes, dtype=np.int64)
        np.add.at(left, sample.labelled_L, 1)
        np.add.at(over, sample.above(confidence).predicted_P, 1)
        for labelled, predicted in verdict.assigned:
            counts[predicted, labelled] += 1
            left[labelled] -= 1
            over[predicted] -= 1
        counts[classes, :classes] += left
        counts[:classes, classes] += over
    return counts


def _within(corners_4: FloatArray) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = np.clip(corners_4, 0, 1).tolist()
    return x1, y1, x2, y2


def _assign(iou_PL: npt.NDArray[np.float64], same_PL: npt.NDArray[np.bool_]) -> dict[int, int]:
    """Give detections, by falling confidence, to labels of their class; returns label by detection."""
    fitting = np.where(same_PL & (iou_PL >= FOUND_IOU), iou_PL, 0.0)
    assigned: dict[int, int] = {}
    for number, row in enumerate(fitting):
        if len(row) and row.max() > 0:
            label = int(row.argmax())
            assigned[number] = label
            fitting[:, label] = 0
    return assigned


def _kind(iou_L: npt.NDArray[np.float64], same_L: npt.NDArray[np.bool_]) -> tuple[ErrorType, int | None]:
    """Return the kind of a wrong detection, and the label concerned."""
    own, other = np.where(same_L, iou_L, -1.0), np.where(same_L, -1.0, iou_L)
    for of_class, least, kind in (
        (own, FOUND_IOU, ErrorType.DUPLICATE),
        (other, FOUND_IOU, ErrorType.CLASS),
        (own, BACKGROUND_IOU, ErrorType.LOCALISATION),
        (other, BACKGROUND_IOU, ErrorType.CLASS_AND_LOCALISATION),
    ):
        if len(of_class) and of_class.max() >= least:
            return kind, int(of_class.argmax())
    return ErrorType.BACKGROUND, None


def _best(iou_X: npt.NDArray[np.float64]) -> float:
    return float(iou_X.max()) if len(iou_X) else 0.0
