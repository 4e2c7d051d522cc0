"""Three states, not two: used, not used, not observed; and why a camera did not see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from raypp.usage.episode import Stretch
from raypp.usage.observation import Observation
from raypp.usage.span_arrays import Passed, SpanArray, at_least, other_time
from raypp.usage.spans import Spans, length, union, within, without

NO_FRAMES = "no frames"


class ReportPart(BaseModel):
    """Base of what a report consists of."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ThreeStates(ReportPart):
    """How much of a stretch of time something was used. The three add up to the stretch."""

    used_s: float = Field(description="seconds in use and observed")
    not_used_s: float = Field(description="seconds observed and not in use")
    not_observed_s: float = Field(description="seconds in which nobody can say")


class Coverage(ReportPart):
    """How much of a stretch of time a camera saw."""

    camera: str
    observed_s: float = Field(description="seconds seen")
    not_observed_s: float = Field(description="seconds not seen")
    observed_share: float = Field(description="seen, as a share of the whole, 0 to 1")
    reasons_s: dict[str, float] = Field(
        description="seconds not seen by reason: covered, frozen, moved, dropped, no frames; only reasons that occur"
    )


@dataclass(frozen=True)
class Sight:
    """Time that one camera observed and did not observe.

    Attributes:
        camera: its name.
        observed: when it saw.
        reasons: when it did not, by reason; disjoint, and from observed, too.
    """

    camera: str
    observed: Spans
    reasons: dict[str, Spans]

    def coverage(self, start_us: int, end_us: int) -> Coverage:
        """Sum up a stretch of time; what no stretch tells of is without frames."""
        whole = end_us - start_us
        seen = length(within(self.observed, start_us, end_us))
        lost_us = {reason: length(within(spans, start_us, end_us)) for reason, spans in self.reasons.items()}
        lost_us[NO_FRAMES] = whole - seen - sum(lost_us.values())
        return Coverage(
            camera=self.camera,
            observed_s=seen / 1e6,
            not_observed_s=(whole - seen) / 1e6,
            observed_share=seen / whole if whole else 0.0,
            reasons_s={reason: us / 1e6 for reason, us in lost_us.items() if us},
        )


def sights(stretches: Iterable[Stretch], cameras: Iterable[str] = ()) -> dict[str, Sight]:
    """Gather stretches by camera, all epochs together; what one epoch saw is seen.

    Args:
        stretches: of one site, in any order.
        cameras: further cameras that should appear, though no stretch tells of them.
    """
    by_camera: dict[str, dict[Observation, list[tuple[int, int]]]] = {camera: {} for camera in cameras}
    for stretch in stretches:
        kinds = by_camera.setdefault(stretch.stream.camera, {})
        kinds.setdefault(stretch.observation, []).append((stretch.start_us, stretch.end_us))
    observed_of = {}
    for camera in sorted(by_camera):
        kinds = by_camera[camera]
        covered = observed = union(kinds.get(Observation.OBSERVED, ()))
        reasons = {}
        for kind in Observation:
            if kind is not Observation.OBSERVED and kind in kinds:
                reasons[kind.name.lower()] = without(union(kinds[kind]), covered)
                covered = union((*covered, *reasons[kind.name.lower()]))
        observed_of[camera] = Sight(camera, observed, reasons)
    return observed_of


class StateSums:
    """Something that one or more watch for: when it was used and when it was not, summed up over any stretch of time.

    It was used when one saw it used; it was not used when all saw that it was not; else nobody can say.

    Args:
        parts: for each that watches, when it was used, and when the camera saw.
    """

    def __init__(self, parts: Sequence[tuple[SpanArray, SpanArray]]) -> None:
        used = at_least(1, [at_least(2, list(part)) for part in parts])
        seen_by_all = at_least(len(parts), [observed for _, observed in parts]) if parts else used
        self._used = Passed(used)
        self._idle = Passed(at_least(2, [seen_by_all, other_time(used)]))

    def between(self, start_us: int, end_us: int) -> ThreeStates:
        """Say how much of a stretch of time it was used; the end is exclusive."""
        total_us = max(0, end_us - start_us)
        used_us, idle_us = (time.between(start_us, end_us) if total_us else 0 for time in (self._used, self._idle))
        return ThreeStates(
            used_s=used_us / 1e6, not_used_s=idle_us / 1e6, not_observed_s=(total_us - used_us - idle_us) / 1e6
        )
