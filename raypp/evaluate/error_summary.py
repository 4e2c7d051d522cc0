"""Mistakes counted: of each kind, by class, size of box, site, camera and hour of capture."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from raypp.evaluate.errors import BoxSize, Mistake, MistakeKind, SampleVerdict, judge
from raypp.evaluate.request import Origin, StudiedSample

UNKNOWN_HOUR = "unknown"
_HOUR_US = 3_600_000_000


class GroupMistakes(BaseModel):
    """Mistakes of one group; groups without labels and mistakes are left out."""

    model_config = ConfigDict(frozen=True)

    name: str
    labels: int = Field(description="labelled boxes of the group")
    mistakes: int
    kinds: dict[MistakeKind, int] = Field(description="mistakes of each kind")

    @classmethod
    def of(cls, name: str, labels: int, kinds: Counter[MistakeKind]) -> Self:
        """Count a group."""
        return cls(name=name, labels=labels, mistakes=kinds.total(), kinds={kind: kinds[kind] for kind in MistakeKind})


class MistakeSummary(BaseModel):
    """All mistakes of a detector at one confidence."""

    model_config = ConfigDict(frozen=True)

    confidence: float = Field(description="detections below it are left out; that of best F1, where it is not too low")
    samples: int
    labels: int
    detections: int
    right: int = Field(description="detections that found a label of their class, at IoU 0.5")
    mistakes: int
    kinds: dict[MistakeKind, int]
    by_class: tuple[GroupMistakes, ...] = Field(description="by class of the label, or of a detection on none")
    by_size: tuple[GroupMistakes, ...] = Field(description="by area of the box, in pixels of the square: 32², 96²")
    by_site: tuple[GroupMistakes, ...]
    by_camera: tuple[GroupMistakes, ...] = Field(description="by site/camera")
    by_hour: tuple[GroupMistakes, ...] = Field(description="by hour of capture, UTC, or unknown")


def judge_all(samples: Sequence[StudiedSample], confidence: float) -> tuple[SampleVerdict, ...]:
    """Judge every sample."""
    return tuple(judge(one.detections, confidence) for one in samples)


def tally(
    samples: Sequence[StudiedSample], verdicts: Sequence[SampleVerdict], confidence: float, classes: Sequence[str]
) -> MistakeSummary:
    """Count the mistakes of judged samples."""
    pairs = list(zip(samples, verdicts, strict=True))
    kinds = Counter(mistake.kind for verdict in verdicts for mistake in verdict.mistakes)
    missed = kinds[MistakeKind.MISSED]
    detections = sum(int((one.detections.confidence_P >= confidence).sum()) for one in samples)

    def grouped(of_box: Callable[[StudiedSample], list[str]], of_mistake: "_NameOf") -> tuple[GroupMistakes, ...]:
        labels = Counter(name for sample, _ in pairs for name in of_box(sample))
        counts: dict[str, Counter[MistakeKind]] = {}
        for sample, verdict in pairs:
            for mistake in verdict.mistakes:
                counts.setdefault(of_mistake(sample, mistake), Counter())[mistake.kind] += 1
        return tuple(
            GroupMistakes.of(name, labels[name], counts.get(name, Counter())) for name in sorted(labels | counts.keys())
        )

    def by_origin(name_of: Callable[[Origin], str]) -> tuple[GroupMistakes, ...]:
        return grouped(
            lambda sample: [name_of(sample.origin)] * len(sample.detections.labelled_L),
            lambda sample, _: name_of(sample.origin),
        )

    return MistakeSummary(
        confidence=confidence,
        samples=len(samples),
        labels=sum(len(one.detections.labelled_L) for one in samples),
        detections=detections,
        right=detections - (kinds.total() - missed),
        mistakes=kinds.total(),
        kinds={kind: kinds[kind] for kind in MistakeKind},
        by_class=grouped(
            lambda sample: [classes[number] for number in sample.detections.labelled_L],
            lambda _, mistake: classes[mistake.class_id],
        ),
        by_size=grouped(
            lambda sample: [BoxSize.of(box) for box in sample.detections.label_boxes_L4],
            lambda _, mistake: BoxSize.of(mistake.box_4),
        ),
        by_site=by_origin(site_of),
        by_camera=by_origin(camera_of),
        by_hour=by_origin(_hour_of),
    )


_NameOf = Callable[[StudiedSample, Mistake], str]


def site_of(origin: Origin) -> str:
    """Return the site of a frame."""
    return origin.site


def camera_of(origin: Origin) -> str:
    """Return the camera of a frame, named within its site."""
    return f"{origin.site}/{origin.camera}"


def _hour_of(origin: Origin) -> str:
    if origin.captured_at_us is None:
        return UNKNOWN_HOUR
    return f"{origin.captured_at_us // _HOUR_US % 24:02}"
