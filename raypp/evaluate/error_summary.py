"""Errors counted: of each type, by class, size of box, site, camera and hour of capture."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from raypp.evaluate.errors import BoxSize, ErrorRecord, ErrorType, SampleVerdict, classify_errors
from raypp.evaluate.request import FrameOrigin, PredictedSample

UNKNOWN_HOUR = "unknown"
_HOUR_US = 3_600_000_000


class GroupErrors(BaseModel):
    """Errors of one group; groups without labels and errors are left out."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    name: str
    labels: int = Field(description="labelled boxes of the group")
    errors: int = Field(alias="mistakes")
    types: dict[ErrorType, int] = Field(alias="kinds", description="errors of each type")

    @classmethod
    def of(cls, name: str, labels: int, types: Counter[ErrorType]) -> Self:
        """Count a group."""
        return cls(name=name, labels=labels, errors=types.total(), types={kind: types[kind] for kind in ErrorType})


class ErrorSummary(BaseModel):
    """All errors of a detector at one confidence; in files `errors` is `mistakes`, and `types` is `kinds`."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    confidence: float = Field(description="detections below it are left out; that of best F1, where it is not too low")
    samples: int
    labels: int
    detections: int
    right: int = Field(description="detections that found a label of their class, at IoU 0.5")
    errors: int = Field(alias="mistakes")
    types: dict[ErrorType, int] = Field(alias="kinds")
    by_class: tuple[GroupErrors, ...] = Field(description="by class of the label, or of a detection on none")
    by_size: tuple[GroupErrors, ...] = Field(description="by area of the box, in pixels of the square: 32², 96²")
    by_site: tuple[GroupErrors, ...]
    by_camera: tuple[GroupErrors, ...] = Field(description="by site/camera")
    by_hour: tuple[GroupErrors, ...] = Field(description="by hour of capture, UTC, or unknown")


def classify_all_errors(samples: Sequence[PredictedSample], confidence: float) -> tuple[SampleVerdict, ...]:
    """Tell right detections from errors on every sample."""
    return tuple(classify_errors(sample.detections, confidence) for sample in samples)


def summarise_errors(
    samples: Sequence[PredictedSample], verdicts: Sequence[SampleVerdict], confidence: float, classes: Sequence[str]
) -> ErrorSummary:
    """Count the errors of classified samples."""
    by_class = _Grouping(
        lambda sample: [classes[number] for number in sample.detections.labelled_L],
        lambda _, error: classes[error.class_id],
    )
    by_size = _Grouping(
        lambda sample: [BoxSize.of(box) for box in sample.detections.label_boxes_L4],
        lambda _, error: BoxSize.of(error.box_4),
    )
    by_site, by_camera, by_hour = (_Grouping.by_origin(name_of) for name_of in (site_of, camera_of, _hour_of))
    types: Counter[ErrorType] = Counter()
    detections = labels = 0
    for sample, verdict in zip(samples, verdicts, strict=True):
        types.update(error.kind for error in verdict.errors)
        detections += int((sample.detections.confidence_P >= confidence).sum())
        labels += len(sample.detections.labelled_L)
        for grouping in (by_class, by_size, by_site, by_camera, by_hour):
            grouping.count(sample, verdict)
    return ErrorSummary(
        confidence=confidence,
        samples=len(samples),
        labels=labels,
        detections=detections,
        right=detections - (types.total() - types[ErrorType.MISSED]),
        errors=types.total(),
        types={kind: types[kind] for kind in ErrorType},
        by_class=by_class.groups(),
        by_size=by_size.groups(),
        by_site=by_site.groups(),
        by_camera=by_camera.groups(),
        by_hour=by_hour.groups(),
    )


class _Grouping:
    """Labels and errors counted by one name of each."""

    def __init__(self, of_box: Callable[[PredictedSample], list[str]], of_error: "_NameOf") -> None:
        self._of_box, self._of_error = of_box, of_error
        self._labels: Counter[str] = Counter()
        self._types: dict[str, Counter[ErrorType]] = {}

    @classmethod
    def by_origin(cls, name_of: Callable[[FrameOrigin], str]) -> "_Grouping":
        return cls(
            lambda sample: [name_of(sample.origin)] * len(sample.detections.labelled_L),
            lambda sample, _: name_of(sample.origin),
        )

    def count(self, sample: PredictedSample, verdict: SampleVerdict) -> None:
        self._labels.update(self._of_box(sample))
        for error in verdict.errors:
            self._types.setdefault(self._of_error(sample, error), Counter())[error.kind] += 1

    def groups(self) -> tuple[GroupErrors, ...]:
        return tuple(
            GroupErrors.of(name, self._labels[name], self._types.get(name, Counter()))
            for name in sorted(self._labels | self._types.keys())
        )


_NameOf = Callable[[PredictedSample, ErrorRecord], str]


def site_of(origin: FrameOrigin) -> str:
    """Return the site of a frame."""
    return origin.site


def camera_of(origin: FrameOrigin) -> str:
    """Return the camera of a frame, named within its site."""
    return f"{origin.site}/{origin.camera}"


def _hour_of(origin: FrameOrigin) -> str:
    if origin.captured_at_us is None:
        return UNKNOWN_HOUR
    return f"{origin.captured_at_us // _HOUR_US % 24:02}"
