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
    pairs = list(zip(samples, verdicts, strict=True))
    types = Counter(error.kind for verdict in verdicts for error in verdict.errors)
    missed = types[ErrorType.MISSED]
    detections = sum(int((sample.detections.confidence_P >= confidence).sum()) for sample in samples)

    def grouped(of_box: Callable[[PredictedSample], list[str]], of_error: "_NameOf") -> tuple[GroupErrors, ...]:
        labels = Counter(name for sample, _ in pairs for name in of_box(sample))
        counts: dict[str, Counter[ErrorType]] = {}
        for sample, verdict in pairs:
            for error in verdict.errors:
                counts.setdefault(of_error(sample, error), Counter())[error.kind] += 1
        return tuple(
            GroupErrors.of(name, labels[name], counts.get(name, Counter())) for name in sorted(labels | counts.keys())
        )

    def by_origin(name_of: Callable[[FrameOrigin], str]) -> tuple[GroupErrors, ...]:
        return grouped(
            lambda sample: [name_of(sample.origin)] * len(sample.detections.labelled_L),
            lambda sample, _: name_of(sample.origin),
        )

    return ErrorSummary(
        confidence=confidence,
        samples=len(samples),
        labels=sum(len(sample.detections.labelled_L) for sample in samples),
        detections=detections,
        right=detections - (types.total() - missed),
        errors=types.total(),
        types={kind: types[kind] for kind in ErrorType},
        by_class=grouped(
            lambda sample: [classes[number] for number in sample.detections.labelled_L],
            lambda _, error: classes[error.class_id],
        ),
        by_size=grouped(
            lambda sample: [BoxSize.of(box) for box in sample.detections.label_boxes_L4],
            lambda _, error: BoxSize.of(error.box_4),
        ),
        by_site=by_origin(site_of),
        by_camera=by_origin(camera_of),
        by_hour=by_origin(_hour_of),
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
