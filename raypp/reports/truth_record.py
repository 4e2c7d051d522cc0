"""A site's uses beside true ones as rows: the same fields as JSON and CSV."""

from enum import StrEnum

from pydantic import Field

from raypp.usage.coverage import ReportPart


class UseVerdict(StrEnum):
    """Name what became of a true use, or what a reported one is."""

    RIGHT = "right"
    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    NOT_OBSERVED = "not observed"


class ToolScore(ReportPart):
    """How well reported uses of a tool match true ones, at an IoU of 0.5 in time."""

    tool: str
    true: int = Field(description="uses that there truly were, and that the camera observed")
    reported: int
    right: int = Field(description="reported uses that match a true one, each at most once")
    not_observed: int = Field(
        description="true uses of which the camera observed less than half; no figure counts them"
    )
    precision: float | None = Field(description="right, of the reported, 0 to 1; none: none was reported")
    recall: float | None = Field(description="right, of the true, 0 to 1; none: there was none")
    f1: float = Field(description="segmental F1, 0 to 1")
    duration_error_s: float | None = Field(
        description="mean absolute error of a right use's duration, seconds; none: no use is right"
    )


class ComparedUse(ReportPart):
    """One true use, one reported use, or two that match. Seconds are since the video's first frame."""

    camera: str
    tool: str
    verdict: UseVerdict
    true_start_s: float | None
    true_end_s: float | None
    reported_start_s: float | None
    reported_end_s: float | None
    iou: float | None = Field(description="of the two in time, 0.5 to 1; none: they are not two")

    @property
    def first_s(self) -> float:
        """When it begins, in truth or as reported, whichever is earlier."""
        return min(start for start in (self.true_start_s, self.reported_start_s) if start is not None)


class TruthReport(ReportPart):
    """A site's uses in a range beside true ones."""

    site: str
    time_zone: str
    start: str = Field(description="of the range, local time with offset, ISO 8601")
    end: str
    videos: dict[str, str] = Field(description="when the video of each camera began")
    f1: dict[str, float] = Field(description="segmental F1 of all uses by the least IoU of a match")
    total: ToolScore
    tools: list[ToolScore] = Field(description="by name")
    uses: list[ComparedUse] = Field(description="by camera and time")
